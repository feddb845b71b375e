/** What the arithmetic makes of a claim and its sources; each case is a claim, a source and the verdict. */
import { describe, expect, test } from 'vitest'
import { decide } from '../../../src/evidence/facts/decide.ts'

const cases: readonly (readonly [claim: string, title: string, source: string, verdict: string])[] = [
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
]

const traps: readonly (readonly [claim: string, source: string])[] = [
  ['p95 of checkout is 300 ms.', 'p95 of checkout-eu is 300 ms.'],
  ['Build 812 took 9 minutes.', 'Build 811 took 9 minutes.'],
  ['Deploy 42 failed.', 'Deploy 43 failed.'],
  ['The api had 3 outages this year.', 'The api had 3 outages last year.'],
  ['Checkout failed 12 times in May.', 'Checkout failed 12 times in April.'],
  ['The timeout is 30 seconds.', 'The timeout was 60 seconds until May.'],
  ['Search failed 3 times.', 'Search succeeded 3 times.'],
  ['Downtime was 0.1 %.', 'Uptime was 99.9 %.'],
  ['Latency rose by 30 ms after the deploy.', 'Latency rose by 30 % after the deploy.'],
  ['All 14 checks passed.', '14 checks passed, 2 failed.'],
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
