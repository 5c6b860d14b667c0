// What a careless program sends; says of each what came of it, a line of JSON each.
import { Client, Connection, WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { decide, ended, Refused, start } from './client.ts';

const connection = await Connection.connect({ address: process.env['TEMPORAL_ADDRESS'] ?? '' });
const client = new Client({ connection });
const taskQueue = process.env['ADW_TASK_QUEUE'] ?? '';

class Order {
  readonly id = 7;
  private readonly note = new Date(0);
  total(): number {
    return this.id;
  }
}

function say(what: string, came: unknown): void {
  console.log(JSON.stringify([what, came]));
}

async function outcome(run: Promise<WorkflowHandle>): Promise<unknown> {
  try {
    const end = await ended(await run);
    return end.failure === null ? { result: end.report.result } : { failure: end.failure, message: end.message };
  } catch (error) {
    return { client: String(error).split('\n')[0] };
  }
}

async function answer(asked: Promise<unknown>): Promise<unknown> {
  try {
    return { answer: await asked };
  } catch (error) {
    if (error instanceof Refused) return { refused: error.type, message: error.message };
    if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure)
      return { refused: error.cause.type, message: error.cause.message };
    return { client: String(error).split('\n')[0] };
  }
}

const inputs: Record<string, unknown[]> = {
  'no argument': [],
  undefined: [undefined],
  'undefined twice': [undefined, undefined],
  'options undefined': [{ a: 1 }, undefined],
  'options null': [{ a: 1 }, null],
  'options a text': [{ a: 1 }, 'sam'],
  'three arguments': [{ a: 1 }, {}, 3],
  'a class instance': [new Order()],
  'fields undefined': [{ a: undefined, b: [undefined, 1] }],
  'not a number': [{ a: NaN, b: Infinity }],
  'a large number': [{ a: 2 ** 53 + 2, b: 1e21, c: 0.1, d: -0, e: 1e300 }],
  'a date': [{ a: new Date(0) }],
  'a map': [{ a: new Map([['b', 1]]), c: new Set([1]) }],
  bytes: [new Uint8Array([1, 2, 255])],
  'bytes inside': [{ a: Buffer.from('x') }],
  'a list': [[1, 2]],
  'a text': ['7'],
  'half a character': [{ a: '\ud800' }],
  'a name of JavaScript': [JSON.parse('{"__proto__": 1, "constructor": 2}')],
};
const asked = Object.entries(inputs).map(async ([what, args], index) =>
  say(what, await outcome(client.workflow.start('echo', { taskQueue, workflowId: `${taskQueue}-${index}`, args }))),
);
const bare: Record<string, unknown[]> = {
  'ad hoc: no argument': [],
  'ad hoc: undefined': [undefined],
  'ad hoc: null': [null],
  'ad hoc: a text': ['echo'],
  'ad hoc: no workflow': [{ input_data: 1 }],
  'ad hoc: workflow undefined': [{ workflow: undefined, input_data: 1 }],
  'ad hoc: two arguments': [{ workflow: {} }, {}],
};
for (const [index, [what, args]] of Object.entries(bare).entries())
  asked.push(
    outcome(client.workflow.start('AdvancedWorkflow', { taskQueue, workflowId: `${taskQueue}-b${index}`, args })).then(
      (came) => say(what, came),
    ),
  );
await Promise.all(asked);

const run = await start(client, taskQueue, 'asks', `${taskQueue}-asks`, undefined);
const messages: Record<string, unknown[]> = {
  'no argument': [],
  undefined: [undefined],
  null: [null],
  'two arguments': [{ step_id: 'ask', approver: 'ann', decision: 'approve' }, 1],
  'a class instance': [new Order()],
  bytes: [Buffer.from('x')],
  'comment undefined': [{ step_id: 'none', approver: 'ann', decision: 'approve', comment: undefined }],
};
for (const [what, args] of Object.entries(messages)) {
  say(`decide: ${what}`, await answer(run.executeUpdate('decide_step', { args })));
  await run.signal('approve_step', ...args);
  await run.signal('event', ...args);
}
say('state: undefined', await answer(run.query('state', undefined).then(() => 'a state')));
say('state: two arguments', await answer(run.query('state', {}, 1).then(() => 'a state')));
say('progress: null', await answer(run.query('progress', null).then(() => 'progress')));
const state = await run.query<{ rejected_decisions: { code: string; message: string }[] }>('state');
for (const one of state.rejected_decisions) say('refused', one);
await decide(run, 'approve', { step_id: 'ask', approver: 'ann' });
say('end', await outcome(Promise.resolve(run)));
await connection.close();
