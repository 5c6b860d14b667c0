module example.com/parcel-carrier

go 1.23

require go.temporal.io/sdk v1.51.0
