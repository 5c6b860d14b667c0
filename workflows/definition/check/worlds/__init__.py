"""What may become of each step, whatever the data is: the worlds in which an expression is evaluated."""
