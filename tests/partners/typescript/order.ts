// Takes a parcel through a run: starts it, decides, pays, and says what it heard, a line of JSON each.
import { Client, Connection } from '@temporalio/client';
import { decide, decideBySignal, ended, pendingApprovals, Refused, start, type PendingApproval } from './client.ts';

const [runId = 'parcel-1', order = 'o1', paid = '20'] = process.argv.slice(2);
const connection = await Connection.connect({ address: process.env['TEMPORAL_ADDRESS'] ?? '127.0.0.1:7233' });
const client = new Client({ connection, namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default' });
const taskQueue = process.env['ADW_TASK_QUEUE'] ?? 'advanced-workflow';

function say(what: string, data: unknown): void {
  console.log(JSON.stringify({ [what]: data }));
}

const run = await start(client, taskQueue, 'parcel', runId, { order, address: 'Mill Lane 3' }, { started_by: 'cleo' });
say('started', run.workflowId);

let asked: PendingApproval | undefined;
while ((asked = (await pendingApprovals(run))[0]) === undefined) await new Promise((woken) => setTimeout(woken, 200));
say('asked', asked.subject);

const about = { step_id: asked.path, digest: asked.digest };
for (const approver of ['cleo', 'eve'])
  try {
    await decide(run, 'approve', { ...about, approver });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say('refused', error.type);
  }
say('receipt', await decide(run, 'approve', { ...about, approver: 'ann', comment: 'it fits' }));
await decideBySignal(run, 'approve', { ...about, approver: 'ben' });

await run.signal('event', { event: 'paid', data: { amount: Number(paid) }, event_id: `payment of ${order}` });
say('ended', await ended(run));
await connection.close();
