/** Everyday sentences of operations, each with a claim: what says the same. */
import { describe, expect, test } from 'vitest'
import { decide } from '../../../src/evidence/facts/decide.ts'

type Case = readonly [claim: string, title: string, source: string]

const supports: readonly Case[] = [
  [
    'The billing outage lasted under an hour.',
    'Incident report: billing',
    'Billing was unavailable from 09:12 to 09:58 UTC. No invoices were lost.',
  ],
  ['The outage was over by 10:00 UTC.', 'Incident: search', '- 09:12 outage begins\n- 09:58 outage over'],
  [
    'The restore of orders-db took less than 20 minutes.',
    'Restore log',
    'The restore of orders-db finished after 17 minutes and 30 seconds.',
  ],
  ['No customer data was lost.', 'Postmortem', 'Impact: two hours of delays. No customer data was lost.'],
  [
    'The p95 latency of checkout was below 400 ms in May.',
    'Monthly report',
    'In May the p95 latency of checkout was 380 ms, in June 420 ms.',
  ],
  [
    'The error rate of search rose to 2.1 %.',
    'Weekly',
    'The error rate of search rose from 0.4 % to 2.1 % after the release.',
  ],
  [
    'The error rate of search rose by 1.7 percentage points.',
    'Weekly',
    'The error rate of search rose from 0.4 % to 2.1 % after the release.',
  ],
  ['Memory use of the indexer doubled.', 'Notes', 'Memory use of the indexer went from 1.5 GiB to 3 GiB.'],
  [
    'The certificate of api.example.org expires in August.',
    'Mail',
    'The certificate of api.example.org expires on 14 August 2026.',
  ],
  ['The queue never held more than 5,000 messages.', 'Review', 'At its peak the queue held 4,812 messages.'],
  ['The cluster has 12 nodes.', 'Inventory', 'The cluster has twelve nodes, three of them in Oslo.'],
  ['Three of the nodes are in Oslo.', 'Inventory', 'The cluster has twelve nodes, three of them in Oslo.'],
  [
    'The memory limit of the payments service is 2 GiB.',
    'Capacity',
    'The payments service uses 1.5 GiB of memory; its limit is 2 GiB.',
  ],
  ['The gateway runs version 2.4.1.', 'Notes', 'The gateway was upgraded to 2.4.1 on Monday.'],
  ['The fix is contained in 3.2.0.', 'Advisory', 'The fault is fixed in 3.1.4 and later.'],
  ['Version 3.1.2 is affected.', 'Advisory', 'All versions before 3.1.4 are affected.'],
  [
    'The backup of Tuesday failed.',
    'Log book',
    'The backup of Tuesday failed, the one of Wednesday succeeded.',
  ],
  [
    'The deploy took 14 minutes.',
    'Ticket',
    'The deploy took 12 minutes. Correction: the deploy took 14 minutes.',
  ],
  ['The meeting starts at 15:00 CET.', 'Invite', 'The meeting starts at 14:00 UTC.'],
  ['The alert fired before the deploy.', 'Timeline', '10:02 alert fired\n10:05 deploy started'],
  ['Throughput reached 2 GB per second.', 'Report', 'Throughput reached 2,000 MB/s.'],
  ['About 1,200 users were affected.', 'Incident', 'Roughly 1,180 users were affected by the outage.'],
  ['All twelve tests passed.', 'CI', 'All twelve tests passed.'],
  ['The timeout was raised to 30 seconds.', 'Change', 'The timeout was raised from 10 to 30 seconds.'],
  ['The release is planned for 3 June.', 'Roadmap', 'The release is planned for 3 June.'],
  ['Search was faster than suggest.', 'Report', 'Search answered in 84 ms, suggest in 112 ms.'],
  ['The cache hit rate is above 90 %.', 'Weekly', 'The cache hit rate is 94 %, up from 88 % last week.'],
  ['The incident was detected within 5 minutes.', 'Postmortem', 'The incident was detected after 3 minutes.'],
  ['The service restarted at 14:05.', 'Chat', '14:05 service restarted\n14:10 all good'],
  [
    'The import of 3 May took 3 hours.',
    'Diary',
    'The import of 3 May took 3 hours, the one of 4 May 5 hours.',
  ],
  ['The backup is 1.2 TB in size.', 'Storage', 'The backup is 1,200 GB in size.'],
  ['The job failed twice in June.', 'Report', 'The job failed four times in May and twice in June.'],
  ['The average wait time exceeded 10 minutes.', 'Help desk', 'The wait time was 12 minutes on average.'],
  ['The patch was installed on 38 servers.', 'Ticket', 'The patch was installed on 38 of the 40 servers.'],
  [
    'The patch was installed on 95 % of the servers.',
    'Ticket',
    'The patch was installed on 38 of the 40 servers.',
  ],
  ['Replication lag stayed below 10 seconds.', 'Graph notes', 'Replication lag was at most 8 seconds.'],
  ['The alert threshold is 90 %.', 'Runbook', 'The alert threshold was lowered from 95 % to 90 %.'],
  ['Two of five zones were affected.', 'Incident', 'Two of the five zones were affected.'],
  ['Costs fell by a quarter.', 'Finance', 'Costs fell from 8,000 to 6,000 euros.'],
  ['The build takes 6 minutes.', 'Note', 'The build used to take 9 minutes; now it takes 6.'],
  ['The incident was closed at 16:20.', 'Ticket', '16:20 incident closed\n16:05 fix deployed'],
  [
    'The fix was deployed 15 minutes before the incident was closed.',
    'Ticket',
    '16:05 fix deployed\n16:20 incident closed',
  ],
  ['No alerts fired during the night.', 'Handover', 'No alerts fired during the night.'],
  ['The team has nine members.', 'Team page', 'The team has nine members and two open positions.'],
  ['The scan found 17 issues.', 'Scan', 'The scan found 17 issues, 2 of them critical.'],
  [
    'The test suite runs in under 10 minutes.',
    'Readme',
    'The test suite runs in 9 min 40 s on the new runners.',
  ],
  ['The maintenance window is from 22:00 to 23:30.', 'Notice', 'Maintenance window: 22:00 to 23:30.'],
  [
    'The search index was rebuilt in 42 minutes.',
    'Change log',
    'Rebuilding the search index took 42 minutes.',
  ],
  ['CPU load of api-4 peaked at 93 %.', 'Ops mail', 'On api-4 CPU load peaked at 93 %, on api-5 at 61 %.'],
  [
    'The mailer sent 40,000 mails on Sunday.',
    'Stats',
    'The mailer sent 40,000 mails on Sunday and 12,000 on Monday.',
  ],
  ['The scheduler was paused for two hours.', 'Incident', 'The scheduler was paused from 13:00 to 15:00.'],
  [
    'The database was upgraded to version 15.3.',
    'News',
    'Last night the database was upgraded from 14.9 to 15.3.',
  ],
  [
    'The release was delayed by three days.',
    'Mail',
    'The release was delayed by three days because of a failing test.',
  ],
  [
    'The new index reduced query time by 40 %.',
    'Blog',
    'The new index reduced query time from 50 ms to 30 ms.',
  ],
  [
    'The certificate was renewed on 6 May.',
    'Notes',
    'The certificate expired on 4 May and was renewed on 6 May.',
  ],
  ['The outage affected 5 % of users.', 'Status', 'About 5 % of users were affected by the outage.'],
  ['Latency was below 200 ms throughout.', 'Report', 'Latency never exceeded 180 ms.'],
  ['The vendor charges $0.10 per call.', 'Offer', 'The vendor charges 10 cents per call.'],
  ['The lock was held for 30 seconds.', 'Analysis', 'The lock was held for half a minute.'],
  ['Node 9 rebooted three times.', 'Diary', 'Node 7 rebooted twice, node 9 three times.'],
  ['Sales were 12 % higher than last year.', 'Report', 'Sales rose by 12 % over last year.'],
  ['The contract was signed in 2023.', 'Archive', 'The contract was signed in March 2023.'],
  [
    'Deploys are blocked from 20 December on.',
    'Policy',
    'Deploys are blocked from 20 December to 2 January.',
  ],
  ['The script deletes files older than 30 days.', 'Readme', 'The script deletes files older than 30 days.'],
  [
    'The webhook service retried 5 % of deliveries.',
    'Weekly',
    'Of all deliveries, 5 % were retried by the webhook service.',
  ],
  ['Only two of the regions were affected.', 'Status', 'Two regions were affected, Oslo and Bergen.'],
  ['The snapshot was taken at 03:00 UTC.', 'Log book', 'The snapshot was taken at 05:00 CEST.'],
  [
    'The average response time was 240 ms on Tuesday.',
    'Chat',
    'kim: average response time on Tuesday was 0.24 s\nlee: nice',
  ],
  ['Support for IPv6 is available since 2.3.', 'Docs', 'IPv6 is supported since version 2.3.'],
  ['Response times improved by 20 %.', 'Notes', 'Response times went from 500 ms to 400 ms.'],
  ['In 2024 we had 14 incidents.', 'Review', 'In 2024 we had 14 incidents, in 2025 nine.'],
  [
    'The load balancer has a timeout of 60 seconds.',
    'Config notes',
    'The load balancer has a timeout of one minute.',
  ],
  ['Two engineers were on call.', 'Rota', 'Two engineers were on call last week.'],
  ['The fleet grew to 120 vehicles.', 'Annual report', 'The fleet grew from 100 to 120 vehicles.'],
  ['The fleet grew by 20 vehicles.', 'Annual report', 'The fleet grew from 100 to 120 vehicles.'],
  ['The fleet grew by 20 %.', 'Annual report', 'The fleet grew from 100 to 120 vehicles.'],
  ['Production has 8 GB of memory.', 'Wiki', 'Production has 8 GB of memory, the test environment 4 GB.'],
  [
    'At 10:30 the queue was at 4,000 messages.',
    'Timeline',
    '10:00 queue at 1,000 messages\n10:30 queue at 4,000 messages\n11:00 queue empty',
  ],
  ['The migration will take four hours.', 'Plan', 'We plan four hours for the migration.'],
  [
    'The bucket holds more than 3 million objects.',
    'Storage mail',
    'The bucket holds about 3.4 million objects.',
  ],
  [
    'The change took 11 minutes in production.',
    'Log',
    'On staging the change took 4 minutes. In production the change took 11 minutes.',
  ],
  [
    'Six of the eight drives are healthy.',
    'Inspection',
    'Six of the eight drives are healthy, two are being replaced.',
  ],
  ['The p50 of the feed is 80 ms.', 'Notes', 'The median of the feed is 80 ms, the p99 900 ms.'],
  [
    'The printer queue was cleared at 11:15.',
    'Desk log',
    '11:02 printer queue stuck\n11:15 printer queue cleared',
  ],
  ['The power cut lasted 25 minutes.', 'Desk log', 'The power cut began at 14:10 and ended at 14:35.'],
  ['The crawler visited 12,400 pages.', 'Stats', 'The crawler visited 12,400 pages and found 31 dead links.'],
  [
    'The gateway accepted 9 million requests.',
    'Stats',
    'The gateway accepted 9.1 million requests and rejected 20,000.',
  ],
  ['The broker needs at least 4 GB of heap.', 'Docs', 'The broker needs at least 4 GB of heap.'],
  ['A quarter of the sensors failed.', 'Report', '12 of 48 sensors failed.'],
  ['The invoice run ended before midnight.', 'Log', 'The invoice run ended at 23:40.'],
  [
    'The team deployed 18 times in May.',
    'Metrics',
    'In May the team deployed 18 times, twice as often as in April.',
  ],
  [
    'Searches for parts take 2 s on average.',
    'Survey',
    'Searches for parts take 2 s on average, in the worst case 9 s.',
  ],
]

const verdictOf = (claim: string, title: string, content: string) => {
  const { verdict, spans, reason } = decide(claim, [{ id: 's1', title, content }])
  for (const { start, end, text } of spans) expect(content.slice(start, end)).toBe(text)
  expect(reason).not.toBe('')
  expect(spans.length > 0).toBe(verdict !== 'silent')
  return verdict
}

describe('decide()', () => {
  test.each(supports)('supports %s [%s]', (claim, title, content) => {
    expect(verdictOf(claim, title, content)).toBe('supports')
  })

  test('puts together what two sources say of one side each', () => {
    const sources = [
      { id: 'a', content: 'The alert fired at 10:02.' },
      { id: 'b', content: 'The deploy started at 10:05.' },
    ]
    const { verdict, spans } = decide('The alert fired before the deploy.', sources)
    expect([verdict, ...spans.map(span => span.sourceId)]).toEqual(['supports', 'a', 'b'])
    expect(decide('The alert fired after the deploy.', sources).verdict).toBe('refutes')
  })
})
