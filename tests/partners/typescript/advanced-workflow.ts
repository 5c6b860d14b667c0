// What a partner's program says to AdvancedWorkflow and hears from it. Copy this file into yours.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';

const keys = new AsyncLocalStorage<string>();

/** Reads the idempotency key that comes with every activity: `interceptors: { activity: [() => ({ inbound: new ReadsKey() })] }`. */
export class ReadsKey implements ActivityInboundCallsInterceptor {
  execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    const sent = input.headers['adw-idempotency-key'];
    if (sent === undefined) return next(input); // Not called by AdvancedWorkflow.
    return keys.run(defaultPayloadConverter.fromPayload<string>(sent), () => next(input));
  }
}

/** The key of this call, the same in each of its attempts: the effect belongs to it. */
export function idempotencyKey(): string {
  const key = keys.getStore();
  if (key === undefined) throw new Error('no idempotency key: the worker has no ReadsKey, or this is no activity of a step');
  return key;
}

/** What the undo of a step receives, unless its `rollback_mapping` says otherwise. */
export interface UndoInput<Input, Output> {
  step_id: string;
  input: Input;
  /** Null where it is not known what the step did. */
  output: Output | null;
  outcome: 'completed' | 'unknown';
  /** The key that the step itself was called with. */
  idempotency_key: string;
}

/** `run.callback`: how to send the run an event. */
export interface Callback {
  namespace: string;
  workflow_id: string;
  signal: string;
  /** `POST` here on the server's HTTP API, with the event as the one item of `input`; null where it takes no such id. */
  path: string | null;
}

/** An event; one `event_id` counts once, however often it is sent. */
export interface Event {
  event: string;
  data?: unknown;
  event_id?: string;
}

/** Send the run an event. It is kept until the run waits for it. */
export async function callBack(client: Client, to: Callback, event: Event): Promise<void> {
  await client.workflow.getHandle(to.workflow_id).signal(to.signal, event);
}
