// Package main serves the actions of a parcel carrier. This file is what any partner's worker needs: copy it into yours.
package main

import (
	"context"
	"errors"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
)

type keyOfCall struct{}

// ReadsKey reads the idempotency key that comes with every activity; it belongs into worker.Options.Interceptors.
type ReadsKey struct {
	interceptor.WorkerInterceptorBase
}

// InterceptActivity is called by the SDK.
func (*ReadsKey) InterceptActivity(
	_ context.Context, next interceptor.ActivityInboundInterceptor,
) interceptor.ActivityInboundInterceptor {
	return &readsKeyOfCall{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type readsKeyOfCall struct {
	interceptor.ActivityInboundInterceptorBase
}

func (r *readsKeyOfCall) ExecuteActivity(
	ctx context.Context, in *interceptor.ExecuteActivityInput,
) (interface{}, error) {
	// The header can be read here and not in the activity itself.
	if sent, ok := interceptor.Header(ctx)["adw-idempotency-key"]; ok {
		var key string
		if err := converter.GetDefaultDataConverter().FromPayload(sent, &key); err != nil {
			return nil, err
		}
		ctx = context.WithValue(ctx, keyOfCall{}, key)
	}
	return r.Next.ExecuteActivity(ctx, in)
}

// IdempotencyKey is the key of this call, the same in each of its attempts: the effect belongs to it.
func IdempotencyKey(ctx context.Context) (string, error) {
	key, ok := ctx.Value(keyOfCall{}).(string)
	if !ok {
		return "", errors.New("no idempotency key: the worker has no ReadsKey, or this is no activity of a step")
	}
	return key, nil
}

// UndoInput is what the undo of a step receives, unless its rollback_mapping says otherwise.
type UndoInput[Input, Output any] struct {
	StepID string `json:"step_id"`
	Input  Input  `json:"input"`
	// Output is nil where it is not known what the step did.
	Output *Output `json:"output"`
	// Outcome is "completed" or "unknown".
	Outcome string `json:"outcome"`
	// IdempotencyKey is the key that the step itself was called with.
	IdempotencyKey string `json:"idempotency_key"`
}

// Callback is run.callback: how to send the run an event.
type Callback struct {
	Namespace  string `json:"namespace"`
	WorkflowID string `json:"workflow_id"`
	Signal     string `json:"signal"`
	// Path takes a POST on the server's HTTP API, with the event as the one item of "input"; nil where it takes no such id.
	Path *string `json:"path"`
}

// Event is kept until the run waits for it; one EventID counts once, however often it is sent.
type Event struct {
	Event   string      `json:"event"`
	Data    interface{} `json:"data,omitempty"`
	EventID string      `json:"event_id,omitempty"`
}

// CallBack sends the run an event, from within an activity.
func CallBack(ctx context.Context, to Callback, event Event) error {
	return activity.GetClient(ctx).SignalWorkflow(ctx, to.WorkflowID, "", to.Signal, event)
}
