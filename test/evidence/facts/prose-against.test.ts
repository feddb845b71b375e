/** Everyday sentences of operations, each with a claim: what contradicts, and what says nothing. */
import { describe, expect, test } from 'vitest'
import { decide } from '../../../src/evidence/facts/decide.ts'

type Case = readonly [claim: string, title: string, source: string]

const refutes: readonly Case[] = [
  [
    'The billing outage lasted more than an hour.',
    'Incident report: billing',
    'Billing was unavailable from 09:12 to 09:58 UTC. No invoices were lost.',
  ],
  [
    'The rollback was completed on 4 March.',
    'Change 812',
    'The rollback was started on 4 March and completed on 5 March.',
  ],
  [
    'The p95 latency of checkout was below 400 ms in June.',
    'Monthly report',
    'In May the p95 latency of checkout was 380 ms, in June 420 ms.',
  ],
  [
    'The error rate of search fell after the release.',
    'Weekly',
    'The error rate of search rose from 0.4 % to 2.1 % after the release.',
  ],
  [
    'The certificate of api.example.org expires in July.',
    'Mail',
    'The certificate of api.example.org expires on 14 August 2026.',
  ],
  ['The cluster has 15 nodes.', 'Inventory', 'The cluster has twelve nodes, three of them in Oslo.'],
  [
    'The payments service uses 2 GiB of memory.',
    'Capacity',
    'The payments service uses 1.5 GiB of memory; its limit is 2 GiB.',
  ],
  ['Version 3.1.5 is affected.', 'Advisory', 'All versions before 3.1.4 are affected.'],
  ['The tool works with Node 20.', 'Readme', 'The tool requires Node 22 or newer.'],
  [
    'The backup of Wednesday failed.',
    'Log book',
    'The backup of Tuesday failed, the one of Wednesday succeeded.',
  ],
  ['The deploy took 12 minutes.', 'Ticket', 'The deploy took 12 minutes. Correction: it was 14 minutes.'],
  ['The nightly job starts at 02:00 UTC.', 'Ops notes', 'The nightly job starts at 02:30 UTC.'],
  ['The alert fired after the deploy.', 'Timeline', '10:02 alert fired\n10:05 deploy started'],
  ['The disk of db-2 was 80 % full.', 'Report', 'The disk of db-1 was 80 % full, that of db-2 64 %.'],
  ['Fewer than 1,000 users were affected.', 'Incident', '1,180 users were affected by the outage.'],
  ['None of the replicas fell behind.', 'Report', 'Two of the replicas fell behind by 30 seconds.'],
  ['The timeout was raised to 60 seconds.', 'Change', 'The timeout was raised from 10 to 30 seconds.'],
  ['Logs are kept for 90 days.', 'Policy', 'Logs are kept for 30 days.'],
  [
    'The feature flag was disabled on 9 May.',
    'Diary',
    'On 9 May the feature flag was enabled for all customers.',
  ],
  ['The job was retried five times.', 'Log', 'The job was retried 3 times and then given up.'],
  [
    'The import of 4 May took 3 hours.',
    'Diary',
    'The import of 3 May took 3 hours, the one of 4 May 5 hours.',
  ],
  ['The job failed four times in June.', 'Report', 'The job failed four times in May and twice in June.'],
  [
    'The patch was installed on all 40 servers.',
    'Ticket',
    'The patch was installed on 38 of the 40 servers.',
  ],
  ['Replication lag stayed below 5 seconds.', 'Graph notes', 'The highest replication lag was 8 seconds.'],
  ['The contract ends on 31 December 2026.', 'Mail', 'The contract ends on 31 December 2025.'],
  ['The office will move in March.', 'News', 'The office will move in April.'],
  ['Three of five zones were affected.', 'Incident', 'Two of the five zones were affected.'],
  ['Costs fell by half.', 'Finance', 'Costs fell from 8,000 to 6,000 euros.'],
  ['Costs rose by a quarter.', 'Finance', 'Costs fell from 8,000 to 6,000 euros.'],
  ['The build takes 9 minutes.', 'Note', 'The build used to take 9 minutes; now it takes 6.'],
  ['The rate limit is 100 requests per minute.', 'Docs', 'The rate limit is 100 requests per second.'],
  ['The incident was closed before 16:00.', 'Ticket', '16:05 fix deployed\n16:20 incident closed'],
  ['No alerts fired during the night.', 'Handover', 'Three alerts fired during the night.'],
  ['The scan found 17 critical issues.', 'Scan', 'The scan found 17 issues, 2 of them critical.'],
  ['The maintenance lasts two hours.', 'Notice', 'Maintenance window: 22:00 to 23:30.'],
  ['The data centre has two feeds.', 'Audit', 'The data centre has three feeds.'],
  ['CPU load of api-5 peaked at 93 %.', 'Ops mail', 'On api-4 CPU load peaked at 93 %, on api-5 at 61 %.'],
  ['The disk was replaced within a day.', 'Ticket', 'The disk was replaced after 30 hours.'],
  ['The audit found no open ports.', 'Audit', 'The audit found two open ports on the gateway.'],
  [
    'The mailer sent 40,000 mails on Monday.',
    'Stats',
    'The mailer sent 40,000 mails on Sunday and 12,000 on Monday.',
  ],
  ['The scheduler was paused for one hour.', 'Incident', 'The scheduler was paused from 13:00 to 15:00.'],
  [
    'The release was delayed by a week.',
    'Mail',
    'The release was delayed by three days because of a failing test.',
  ],
  [
    'The new index reduced query time by 60 %.',
    'Blog',
    'The new index reduced query time from 50 ms to 30 ms.',
  ],
  ['The job ran on 3 of 8 workers.', 'Log', 'The job ran on five of eight workers.'],
  [
    'The certificate was renewed before it expired.',
    'Notes',
    'The certificate expired on 4 May and was renewed on 6 May.',
  ],
  [
    'The certificate expired on 6 May.',
    'Notes',
    'The certificate expired on 4 May and was renewed on 6 May.',
  ],
  ['The outage affected 5 % of users.', 'Status', 'Fewer than 1 % of users were affected by the outage.'],
  ['Latency was below 150 ms throughout.', 'Report', 'Latency peaked at 180 ms.'],
  ['Node 7 rebooted three times.', 'Diary', 'Node 7 rebooted twice, node 9 three times.'],
  ['The last backup is from 2 June.', 'Check', 'The last backup is from 1 June.'],
  ['The contract was signed in 2024.', 'Archive', 'The contract was signed in March 2023.'],
  [
    'The room reached 31 °C.',
    'Facilities',
    'The room reached 31 °C at noon, according to a first reading. Correction: it was 27 °C.',
  ],
  ['The snapshot was taken at 05:00 UTC.', 'Log book', 'The snapshot was taken at 05:00 CEST.'],
  ['The plugin was removed in 3.0.', 'Changelog', 'The plugin was removed in 4.0.'],
  ['In 2025 we had 14 incidents.', 'Review', 'In 2024 we had 14 incidents, in 2025 nine.'],
  [
    'The new pods started in under 5 seconds.',
    'Release',
    'The old pods started in 4 seconds, the new ones in 7.',
  ],
  ['The fleet grew by 30 %.', 'Annual report', 'The fleet grew from 100 to 120 vehicles.'],
  ['The fleet shrank.', 'Annual report', 'The fleet grew from 100 to 120 vehicles.'],
  [
    'The test environment has 8 GB of memory.',
    'Wiki',
    'Production has 8 GB of memory, the test environment 4 GB.',
  ],
  ['The key expires in 30 days.', 'Mail', 'The key expires in 3 weeks.'],
  [
    'At 10:00 the queue was at 4,000 messages.',
    'Timeline',
    '10:00 queue at 1,000 messages\n10:30 queue at 4,000 messages\n11:00 queue empty',
  ],
  [
    'The change took 4 minutes in production.',
    'Log',
    'On staging the change took 4 minutes. In production the change took 11 minutes.',
  ],
  ['The token expired on Friday.', 'Chat', 'The token expired on Thursday evening.'],
  ['The p99 of the feed is 80 ms.', 'Notes', 'The median of the feed is 80 ms, the p99 900 ms.'],
  ['The feed is refreshed every 10 minutes.', 'Docs', 'The feed is refreshed every 15 minutes.'],
  ['The power cut lasted 40 minutes.', 'Desk log', 'The power cut began at 14:10 and ended at 14:35.'],
  ['The heater was set to 21 degrees.', 'Building', 'The heater was set to 23 degrees.'],
  [
    'The crawler found 12,400 dead links.',
    'Stats',
    'The crawler visited 12,400 pages and found 31 dead links.',
  ],
  ['The ledger export has failed since 3 May.', 'Ticket', 'The ledger export has failed since 5 May.'],
  [
    'The gateway rejected 9 million requests.',
    'Stats',
    'The gateway accepted 9.1 million requests and rejected 20,000.',
  ],
  ['Half of the sensors failed.', 'Report', '12 of 48 sensors failed.'],
  ['The invoice run ended before 23:00.', 'Log', 'The invoice run ended at 23:40.'],
  [
    'Searches for parts take 9 s on average.',
    'Survey',
    'Searches for parts take 2 s on average, in the worst case 9 s.',
  ],
]

const silent: readonly Case[] = [
  // Nothing to compare: what is only said is left to the model.
  ['Customer data was lost.', 'Postmortem', 'Impact: two hours of delays. No customer data was lost.'],
  [
    'The migration of the ledger has been completed.',
    'Status',
    'The migration of the ledger has not been completed yet.',
  ],
  [
    'Windows clients are affected.',
    'Advisory',
    'Linux clients are affected. Windows clients are not affected.',
  ],
  ['The alerting pipeline drops events.', 'Bug', 'The alerting pipeline does not drop events.'],
  ['Release 12 was rolled back.', 'Diary', 'Release 12 was not rolled back.'],
  [
    'Linux clients are affected.',
    'Advisory',
    'Linux clients are affected. Windows clients are not affected.',
  ],
  ['Release 12 was rolled back.', 'Diary', 'Release 12 was rolled back on Friday.'],
  [
    'The migration of the ledger has been completed.',
    'Status',
    'The migration of the ledger is planned for June.',
  ],
  [
    'The queue held more than 5,000 messages.',
    'Review',
    'The alert fires when the queue holds more than 5,000 messages.',
  ],
  ['The disk of db-3 was 80 % full.', 'Report', 'The disk of db-1 was 80 % full, that of db-2 64 %.'],
  ['The staging cluster was restarted twice.', 'Report', 'The production cluster was restarted twice.'],
  ['Average latency was 120 ms.', 'Report', 'The median latency was 120 ms.'],
  ['The release took place on 3 June.', 'Roadmap', 'The release is planned for 3 June.'],
  [
    'The login service had an error rate of 0.3 %.',
    'Weekly',
    'The signup service had an error rate of 0.3 %. The login service was not measured.',
  ],
  ['The p99 of the orders API was 850 ms.', 'Weekly', 'The p95 of the orders API was 850 ms.'],
  ['In Frankfurt the ping was 12 ms.', 'Network', 'In Vienna the ping was 12 ms. Frankfurt was not reached.'],
  [
    'The new cluster costs 1,200 euros a month.',
    'Offer',
    'We expect the new cluster to cost 1,200 euros a month.',
  ],
  ['The new cluster costs 1,200 euros a month.', 'Offer', 'The new cluster costs 1,200 euros a year.'],
  ['The backup is 1.2 TB in size.', 'Storage', 'The archive is 1,200 GB in size.'],
  ['The wait time exceeded 10 minutes.', 'Help desk', 'The wait time was 12 minutes on average.'],
  ['The API was down on 12 June.', 'Status', 'The API was down on 11 June from 10:00 to 10:20.'],
  ['The write latency is 5 ms.', 'Bench', 'The read latency is 5 ms.'],
  ['The alert threshold is 90 %.', 'Runbook', 'The disk was 90 % full when the alert came.'],
  ['The office moves in March.', 'News', 'The office will move in March.'],
  ['The container was restarted 14 times.', 'Ticket', 'The pod was rescheduled 14 times.'],
  ['The build takes 6 minutes.', 'Note', 'The build used to take 6 minutes.'],
  [
    'The rate limit is 100 requests per minute.',
    'Docs',
    'For example, a rate limit of 100 requests per minute could be set.',
  ],
  ['The vendor fixed the bug in 5.0.2.', 'Mail', 'According to the vendor, the bug will be fixed in 5.0.2.'],
  ['The session timeout is 15 minutes.', 'Policy', 'The session timeout should be 15 minutes.'],
  ['Peak memory was 3.5 GB.', 'Bench', 'Average memory was 3.5 GB.'],
  [
    'The order service handled 12,000 orders on Friday.',
    'Review',
    'On Thursday the order service handled 12,000 orders.',
  ],
  ['The upgrade to 8.4 was cancelled.', 'Log', 'The upgrade to 8.4 was postponed to July.'],
  ['Disk usage on web-3 is 71 %.', 'Chat', 'ana: disk on web-3?\nbo: 71 %'],
  [
    'The search index was rebuilt in 42 minutes.',
    'Change log',
    'Rebuilding the product index took 42 minutes.',
  ],
  [
    'The new firewall rule blocked 320 requests.',
    'Security note',
    'The new firewall rule let 320 requests through.',
  ],
  [
    'Support answered 80 % of tickets within four hours.',
    'SLA',
    'The goal is to answer 80 % of tickets within four hours.',
  ],
  ['The median build time is 7 minutes.', 'CI', 'The average build time is 7 minutes.'],
  ['The median build time is 7 minutes.', 'CI', 'Half of the builds finish within 7 minutes.'],
  ['The queue was empty at 08:00.', 'Handover', 'At 08:00 the queue held 300 messages.'],
  [
    'The old index reduced query time by 40 %.',
    'Blog',
    'The new index reduced query time from 50 ms to 30 ms.',
  ],
  [
    'The pool was enlarged to 80 connections.',
    'Change',
    'The pool will be enlarged to 80 connections next week.',
  ],
  ['Traffic in October was twice that of September.', 'Report', 'Traffic doubled from September to October.'],
  ['The probe is located in Helsinki.', 'List', 'The probe in Helsinki measured 40 ms.'],
  ['The probe in Oslo measured 40 ms.', 'List', 'The probe in Helsinki measured 40 ms.'],
  [
    'The service handles 500 requests per second.',
    'Load test',
    'In the load test the service handled 500 requests per second.',
  ],
  ['The daily quota is 10,000 calls.', 'Docs', 'The monthly quota is 10,000 calls.'],
  ['The proxy uses 30 % of the CPU.', 'Notes', 'The proxy uses 30 % of the memory.'],
  ['The ticket was closed after 3 days.', 'Ticket', 'Opened on 3 May, closed on 6 May.'],
  [
    'The load balancer has a timeout of 60 seconds.',
    'Config notes',
    'The proxy has a timeout of one minute.',
  ],
  ['The report was sent to 25 customers.', 'Mail', 'The report was sent to 25 partners.'],
  ['Nobody was paged.', 'Handover', 'On-call was paged once.'],
  ['The invoice amounts to 4,200 euros.', 'Mail', 'The invoice amounts to 4,200 dollars.'],
  ['The migration took four hours.', 'Plan', 'We plan four hours for the migration.'],
  ['Release 12 was rolled back.', 'Diary', 'Release 11 was rolled back.'],
  ['The p90 of the feed is 80 ms.', 'Notes', 'The median of the feed is 80 ms, the p99 900 ms.'],
  ['Uploads of more than 20 MB are rejected.', 'Docs', 'The upload limit is 20 MB.'],
  ['Line 4 stood still for 30 minutes.', 'Shift', 'Line 3 stood still for 30 minutes.'],
  ['Backups are taken twice a day.', 'Policy', 'Backups are taken every night.'],
  ['The broker needs 6 GB of heap.', 'Docs', 'The broker needs at least 4 GB of heap.'],
  ['The web shop was offline.', 'Status', 'The web shop was online all day.'],
  ['The sensors failed 12 times.', 'Report', '12 of 48 sensors failed.'],
  [
    'The team deployed nine times in April.',
    'Metrics',
    'In May the team deployed 18 times, twice as often as in April.',
  ],
  [
    'The mirror in Lyon is 40 minutes behind.',
    'Status',
    'The mirror in Lyon is in sync; the one in Metz is 40 minutes behind.',
  ],
  ['The old API is switched off on 1 July.', 'Notice', 'The old API will be switched off on 1 July.'],
]

const verdictOf = (claim: string, title: string, content: string) => {
  const { verdict, spans, reason } = decide(claim, [{ id: 's1', title, content }])
  for (const { start, end, text } of spans) expect(content.slice(start, end)).toBe(text)
  expect(reason).not.toBe('')
  expect(spans.length > 0).toBe(verdict !== 'silent')
  return verdict
}

describe('decide()', () => {
  test.each(refutes)('refutes %s [%s]', (claim, title, content) => {
    expect(verdictOf(claim, title, content)).toBe('refutes')
  })

  test.each(silent)('is silent on %s [%s]', (claim, title, content) => {
    expect(verdictOf(claim, title, content)).toBe('silent')
  })
})
