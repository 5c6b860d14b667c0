package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
)

// Order is what carrier.book receives.
type Order struct {
	Order   string `json:"order"`
	Address string `json:"address"`
}

// Parcel is the carrier's own record: a file. Any database with a unique key does the same.
type Parcel struct {
	Number string `json:"number"`
	Order  string `json:"order"`
	// Key is that of the call that booked it.
	Key string `json:"key"`
}

// HandOver is what carrier.hand_over receives.
type HandOver struct {
	Number string   `json:"number"`
	Back   Callback `json:"back"`
}

// Cancelled is what carrier.cancel gives.
type Cancelled struct {
	// Cancelled is the number of the parcel; nil where none was booked.
	Cancelled *string `json:"cancelled"`
}

// Carrier has its parcels in a folder.
type Carrier struct {
	folder string
}

// Book books a parcel and waits for its label. Whatever happens meanwhile, there is one parcel for one key.
func (c *Carrier) Book(ctx context.Context, order Order) (*Parcel, error) {
	if order.Address == "" {
		message := fmt.Sprintf("order %s has no address", order.Order)
		return nil, temporal.NewNonRetryableApplicationError(message, "UnknownAddress", nil)
	}
	key, err := IdempotencyKey(ctx)
	if err != nil {
		return nil, err
	}
	parcel := Parcel{Number: numberOf(key), Order: order.Order, Key: key}
	if err := c.keep(parcel); err != nil {
		return nil, err
	}
	for !exists(filepath.Join(c.folder, order.Order+".label")) {
		activity.RecordHeartbeat(ctx, parcel.Number) // The step has a heartbeat_timeout: should this process die, another is asked.
		select {
		case <-ctx.Done(): // The run is cancelled; then it is undone.
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return &parcel, nil
}

// Cancel is the undo of Book. It is asked by the step's key, so it finds the parcel of a call that nobody heard of again, too.
func (c *Carrier) Cancel(_ context.Context, undo UndoInput[Order, Parcel]) (*Cancelled, error) {
	number := numberOf(undo.IdempotencyKey)
	booked := c.file(number)
	if err := os.Rename(booked, booked+".cancelled"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if !exists(booked + ".cancelled") {
		return &Cancelled{}, nil
	}
	return &Cancelled{Cancelled: &number}, nil
}

// HandOver gives the parcel to a driver, whose news come as an event of the run: once, however often this is tried.
func (c *Carrier) HandOver(ctx context.Context, given HandOver) error {
	key, err := IdempotencyKey(ctx)
	if err != nil {
		return err
	}
	news := map[string]string{"number": given.Number}
	return CallBack(ctx, given.Back, Event{Event: "delivered", Data: news, EventID: key})
}

func (c *Carrier) file(number string) string {
	return filepath.Join(c.folder, number+".parcel")
}

// keep writes the parcel unless it is there already.
func (c *Carrier) keep(parcel Parcel) error {
	file, err := os.OpenFile(c.file(parcel.Number), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	return json.NewEncoder(file).Encode(parcel)
}

func numberOf(key string) string {
	digest := sha256.Sum256([]byte(key))
	return hex.EncodeToString(digest[:])[:12]
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func setting(name, other string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	return other
}

func main() {
	connected, err := client.Dial(client.Options{
		HostPort:  setting("TEMPORAL_ADDRESS", client.DefaultHostPort),
		Namespace: setting("TEMPORAL_NAMESPACE", client.DefaultNamespace),
	})
	if err != nil {
		log.Fatalln("no connection to Temporal:", err)
	}
	defer connected.Close()

	carrier := &Carrier{folder: setting("CARRIER_FOLDER", ".")}
	served := worker.New(connected, setting("CARRIER_QUEUE", "carrier"), worker.Options{
		Interceptors: []interceptor.WorkerInterceptor{&ReadsKey{}},
	})
	served.RegisterActivityWithOptions(carrier.Book, activity.RegisterOptions{Name: "carrier.book"})
	served.RegisterActivityWithOptions(carrier.Cancel, activity.RegisterOptions{Name: "carrier.cancel"})
	served.RegisterActivityWithOptions(carrier.HandOver, activity.RegisterOptions{Name: "carrier.hand_over"})
	if err := served.Run(worker.InterruptCh()); err != nil {
		log.Fatalln("the worker cannot serve:", err)
	}
}
