"""What has side effects: actions, and what runs around them in a worker."""
