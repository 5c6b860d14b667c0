// Starts runs, decides, sends events and reads results, with nothing but Temporal's own client.
import {
  type Client,
  type WorkflowHandle,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';

/** What a caller may say about one run. */
export interface ExecutionOptions {
  /** Who starts it; may not approve it unless the approval allows that. */
  started_by?: string;
  groups?: Record<string, string[]>;
  version?: string;
}

/** An approval that a run waits for; the `digest` in a decision says that it is about exactly this. */
export interface PendingApproval {
  path: string;
  prompt: string;
  subject: unknown;
  approvers: string[];
  required: number;
  digest: string;
}

export interface Decision {
  step_id: string;
  approver: string;
  comment?: string;
  form?: unknown;
  digest?: string;
  /** Makes sending twice count once. */
  decision_id?: string;
}

/** Answer to a decision: `counted` where more are needed, `decided` where it settled the step. */
export interface Receipt {
  state: 'early' | 'counted' | 'duplicate' | 'decided';
  approvals: number;
  required: number;
}

/** What every run leaves, however it ends. */
export interface Report {
  execution_id: string;
  status: string;
  result: unknown;
  steps: Record<string, { status: string }>;
  rollback: { entries: { path: string; outcome: string }[] } | null;
}

/** How a run ended: completed, or the type and sentence of its failure. */
export type Ended = { report: Report; failure: null } | { report: Report | null; failure: string; message: string };

/** A decision that was refused: `NotAnApprover`, `SelfApproval`, `DigestMismatch` and so on. */
export class Refused extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

/** Start a run of a definition that the workers of `taskQueue` have. */
export function start(
  client: Client,
  taskQueue: string,
  workflow: string,
  workflowId: string,
  input: unknown,
  options: ExecutionOptions = {},
): Promise<WorkflowHandle> {
  return client.workflow.start(workflow, { taskQueue, workflowId, args: [input, options] });
}

/** Start a run of a definition that comes with it. */
export function startAdHoc(
  client: Client,
  taskQueue: string,
  definition: Record<string, unknown>,
  workflowId: string,
  input: unknown,
  options: ExecutionOptions = {},
): Promise<WorkflowHandle> {
  const request = { workflow: definition, input_data: input, execution_options: options };
  return client.workflow.start('AdvancedWorkflow', { taskQueue, workflowId, args: [request] });
}

/** What the run waits for people to decide. */
export function pendingApprovals(run: WorkflowHandle): Promise<PendingApproval[]> {
  return run.query<PendingApproval[]>('pending_approvals');
}

/** Decide, and hear whether it counted; throws `Refused` where it does not. */
export async function decide(run: WorkflowHandle, decision: 'approve' | 'reject', by: Decision): Promise<Receipt> {
  try {
    return await run.executeUpdate<Receipt, [Decision & { decision: string }]>('decide_step', {
      args: [{ ...by, decision }],
    });
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure)
      throw new Refused(error.cause.type ?? '', error.cause.message);
    throw error;
  }
}

/** Decide without waiting for an answer: it is kept even while no worker runs. */
export function decideBySignal(run: WorkflowHandle, decision: 'approve' | 'reject', by: Decision): Promise<void> {
  return run.signal(`${decision}_step`, by);
}

/** Wait for the end. */
export async function ended(run: WorkflowHandle): Promise<Ended> {
  try {
    return { report: (await run.result()) as Report, failure: null };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const cause = error.cause;
    if (cause instanceof ApplicationFailure)
      return { report: (cause.details?.[0] as Report | undefined) ?? null, failure: cause.type ?? '', message: cause.message };
    return { report: null, failure: 'Cancelled', message: cause?.message ?? error.message };
  }
}
