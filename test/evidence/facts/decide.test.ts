/** What the arithmetic makes of a claim and its sources; each case is a claim, a source and the verdict. */
import { describe, expect, test } from 'vitest'
import { decide } from '../../../src/evidence/facts/decide.ts'

const metrics = `search_latency_ms{quantile="0.5"} 86
search_latency_ms{quantile="0.99"} 840
search_latency_ms_count 92210
suggest_latency_ms{quantile="0.99"} 1120
process_resident_memory_bytes{service="search"} 536870912`

const daily = `day,sent,rejected,p95_ms
2026-03-28,2110,19,210
2026-03-29,488,3,214
2026-03-30,18211,240,388
2026-03-31,24975,402,301`

const log = `2026-05-05T09:55:00Z INFO  scheduler tick=118798 due=4
2026-05-05T09:59:12Z ERROR scheduler job=mail-digest worker lost
2026-05-05T10:00:00Z INFO  scheduler tick=118803 due=31
2026-05-05T10:17:08Z ERROR scheduler job=stock-sync could not get a lock after 30s
2026-05-05T10:30:00Z INFO  scheduler tick=118833 due=28
2026-05-05T11:00:00Z INFO  scheduler tick=118863 due=2`

const yaml = `upstreams:
  payments-auth:
    timeout_ms: 2000
    retries: 5
  payments-capture:
    timeout_ms: 2500
    retries: 3`

const table = `| service | errors | uptime |
| --- | --- | --- |
| search | 14 | 99.95 % |
| checkout | 3 | 99.2 % |`

const coverage = `release,lines_covered,lines_total,percent
spring,50460,60000,84.1
summer,50998,61200,83.3
autumn,53011,64100,82.7`

const json = `{
  "name": "orders-db",
  "connections": 180,
  "sizeBytes": 2147483648,
  "replicationLagSeconds": 0.4
}`

const cases: readonly (readonly [claim: string, title: string, source: string, verdict: string])[] = [
  // Units and comparisons.
  ['The 99th percentile of search is below 900 ms.', '', metrics, 'supports'],
  ['The p99 of search is above one second.', '', metrics, 'refutes'],
  ['The p99 latency of suggest is below 1.2 s.', '', metrics, 'supports'],
  ['The p95 of search is below 900 ms.', '', metrics, 'silent'],
  ['The median latency of search is at most 0.1 s.', '', metrics, 'supports'],
  ['The p99 of checkout is below 900 ms.', '', metrics, 'silent'],
  ['The search service uses exactly 512 MiB of resident memory.', '', metrics, 'supports'],
  ['The search service uses more than 600 MB of resident memory.', '', metrics, 'refutes'],
  ['The payments-auth timeout is 2 seconds.', '', yaml, 'supports'],
  ['The payments-auth timeout is 2.5 seconds.', '', yaml, 'refutes'],
  ['The payments timeout is 2.5 seconds.', '', yaml, 'silent'],
  ['The checkout service had 3 errors.', '', table, 'supports'],
  ['The search service had fewer than 10 errors.', '', table, 'refutes'],
  ['The gateway had fewer than 10 errors.', '', table, 'silent'],
  ['Uptime of search was at least 99.9 %.', '', table, 'supports'],
  ['orders-db is 2 GiB in size.', '', json, 'supports'],
  ['The replication lag of orders-db is under 300 ms.', '', json, 'refutes'],
  ['orders-db has more than 150 connections.', '', json, 'supports'],
  // Sentences.
  ['The backup took 46 minutes.', '', 'The backup took 2760 seconds.', 'supports'],
  ['The backup took less than half an hour.', '', 'The backup took 2760 seconds.', 'refutes'],
  ['The backup took 12 %.', '', 'The backup took 2760 seconds.', 'silent'],
  ['Error rate was 12 %.', '', 'The error rate was 12.4 %.', 'supports'],
  ['Error rate was 12.0 %.', '', 'The error rate was 12.4 %.', 'refutes'],
  ['Error rate was about 12 %.', '', 'The error rate was 12.4 %.', 'supports'],
  ['Search took 7 s.', '', 'Search took 5 s and suggest took 7 s.', 'refutes'],
  ['Suggest took 7 s.', '', 'Search took 5 s and suggest took 7 s.', 'supports'],
  ['The import took 4 minutes.', '', 'The import will take 4 minutes.', 'silent'],
  ['The import took 4 minutes.', '', 'The target for the import is 4 minutes.', 'silent'],
  ['The import took 4 minutes.', '', 'On staging the import took 4 minutes.', 'silent'],
  ['The import took at most 5 minutes.', '', 'The import never exceeded 4 minutes.', 'supports'],
  ['The import never took more than 5 minutes.', '', 'The longest import took 4 minutes.', 'supports'],
  [
    'The queue held 40 messages.',
    '',
    'The queue held 60 messages. Correction: the queue held 40 messages.',
    'supports',
  ],
  [
    'The queue held 60 messages.',
    '',
    'The queue held 60 messages. Correction: the queue held 40 messages.',
    'refutes',
  ],
  ['The queue held 40 messages.', '', 'The queue held 60 messages. The queue held 40 messages.', 'silent'],
  [
    'Mean latency of the api rose from 210 ms to 388 ms.',
    '',
    'The mean latency of the api rose from 0.21 s to 0.388 s.',
    'supports',
  ],
  [
    'Mean latency of the api rose from 210 ms to 388 ms.',
    '',
    'The mean latency of the api fell from 388 ms to 210 ms.',
    'refutes',
  ],
  ['The cluster runs version 1.10.0 or later.', '', 'The cluster runs version 1.9.4.', 'refutes'],
  ['The cluster runs version 1.9.4 or later.', '', 'The cluster runs version 1.10.0.', 'supports'],
  [
    'Memory of the indexer grew by 30 %.',
    '',
    'Memory of the indexer grew from 200 MB to 260 MB.',
    'supports',
  ],
  ['Memory of the indexer grew by 50 %.', '', 'Memory of the indexer grew from 200 MB to 260 MB.', 'refutes'],
  ['The outage lasted less than an hour.', '', 'The outage lasted 46 minutes.', 'supports'],
  ['The outage lasted less than 40 minutes.', '', 'The outage lasted 46 minutes.', 'refutes'],
  ['Search was not slower than 900 ms.', '', 'Search was answered in 0.84 s.', 'supports'],
  ['The pool is limited to 40 connections.', '', 'The limit of the pool is 40 connections.', 'supports'],
  ['The build took 9.4 s.', '', 'The build took about 9 s.', 'silent'],
  ['The room is at 25 °C.', '', 'The room is at 77 °F.', 'supports'],
  ['The room is at 77 °C.', '', 'The room is at 77 °F.', 'refutes'],
  ['The disk costs $12.', '', 'The disk costs €12.', 'silent'],
  [
    'The broker handles 2,000 messages per second.',
    '',
    'The broker handles 120,000 messages per minute.',
    'supports',
  ],
  ['The broker handles 2,000 messages.', '', 'The broker handles 2,000 messages per second.', 'silent'],
  // Two sides.
  [
    'The percentage of coverage went up from the spring to the autumn release.',
    'coverage',
    coverage,
    'refutes',
  ],
  ['Lines covered went up from the spring to the autumn release.', 'coverage', coverage, 'supports'],
  ['Lines covered doubled from the spring to the autumn release.', 'coverage', coverage, 'refutes'],
  ['Lines covered went up from the winter to the autumn release.', 'coverage', coverage, 'silent'],
  ['Search had more errors than checkout.', '', table, 'supports'],
  ['Search had fewer errors than checkout.', '', table, 'refutes'],
  ['Search had fewer errors than billing.', '', table, 'silent'],
  ['The p99 of search is lower than that of suggest.', '', metrics, 'silent'],
  // Columns and windows.
  ['On 30 March 2026, 18211 invoices were sent.', 'invoices', daily, 'supports'],
  ['On 30 March 2026, 18000 invoices were rejected.', 'invoices', daily, 'refutes'],
  ['On 2 April 2026, 18211 invoices were sent.', 'invoices', daily, 'silent'],
  ['The p95 for invoices on 30 March 2026 stayed under 300 ms.', 'invoices', daily, 'refutes'],
  ['Invoices sent never exceeded 25,000.', 'invoices', daily, 'supports'],
  ['Invoices rejected never exceeded 400.', 'invoices', daily, 'refutes'],
  ['The total of invoices rejected was 664.', 'invoices', daily, 'supports'],
  ['Between 10:00 and 10:30 UTC on 5 May the scheduler logged no errors.', 'scheduler', log, 'refutes'],
  ['Between 10:20 and 10:30 UTC on 5 May the scheduler logged no errors.', 'scheduler', log, 'supports'],
  ['Between 10:20 and 12:30 UTC on 5 May the scheduler logged no errors.', 'scheduler', log, 'silent'],
  ['The scheduler logged 2 errors on 5 May.', 'scheduler', log, 'supports'],
  ['The scheduler logged 3 errors on 5 May.', 'scheduler', log, 'refutes'],
  ['The mailer logged 2 errors on 5 May.', 'scheduler', log, 'silent'],
]

const traps: readonly (readonly [claim: string, source: string])[] = [
  ['p95 of checkout is 300 ms.', 'p95 of checkout-eu is 300 ms.'],
  ['Build 812 took 9 minutes.', 'Build 811 took 9 minutes.'],
  ['Deploy 42 failed.', 'Deploy 43 failed.'],
  ['The api had 3 outages this year.', 'The api had 3 outages last year.'],
  ['Checkout failed 12 times in May.', 'Checkout failed 12 times in April.'],
  ['The timeout is 30 seconds.', 'The timeout was 60 seconds until May.'],
  ['Search failed 3 times.', 'Search succeeded 3 times.'],
  ['The cache miss rate is 91 %.', 'slot_cache_hit_ratio 0.971'],
  ['Downtime was 0.1 %.', 'Uptime was 99.9 %.'],
  ['Latency rose by 30 ms after the deploy.', 'Latency rose by 30 % after the deploy.'],
  ['All 14 checks passed.', '14 checks passed, 2 failed.'],
  ['The fleet has 120 vehicles.', 'In 2024 the fleet had 120 vehicles; today it has 140.'],
  ['The api had 12 errors.', 'errors_total{region="eu"} 12\nerrors_total{region="us"} 40'],
  [
    'The indexer uses less than 3 GiB.',
    'resources:\n  requests:\n    memory: 2Gi\n  limits:\n    memory: 4Gi',
  ],
  ['The database has 3 replicas.', 'The cache has 3 replicas. The database was not changed.'],
  ['Release 4.3 was published on 3 May 2026.', 'Release 4.2 was published on 2026-05-03.'],
]

describe('decide()', () => {
  test.each(cases)('%s [%s]', (claim, title, content, verdict) => {
    const decision = decide(claim, [{ id: 's1', title, content }])
    expect(decision).toMatchObject({ verdict })
    for (const { start, end, text } of decision.spans) expect(content.slice(start, end)).toBe(text)
    if (verdict !== 'silent') expect(decision.spans.length).toBeGreaterThan(0)
  })

  test.each(traps)('is silent on %s', (claim, content) => {
    expect(decide(claim, [{ id: 's1', content }])).toMatchObject({ verdict: 'silent' })
  })
})
