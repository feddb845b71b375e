/** What a text states must stand in its evidence: the same figure in other words does, another figure does not. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { groundOf, ungrounded, unquotable } from '../../../src/evidence/written/grounding.ts'

const missing = (text: string, ...evidence: string[]) => ungrounded(text, groundOf(evidence))
const misquoted = (text: string, ...evidence: string[]) => unquotable(text, groundOf(evidence))

describe('ungrounded()', () => {
  test.each([
    ['The p95 latency was 250 ms.', 'p95 latency: 250 ms'],
    ['It took 1.2 seconds.', 'duration 1200 ms'],
    ['It took 250 ms.', 'latency_ms=250 status=200'],
    ['Half an hour passed.', 'It lasted 30 minutes.'],
    ['The gate opened at 14:05.', '2026-04-09T14:05:33Z gate opened'],
    ['On 9 April 2026 the gate opened.', '2026-04-09T14:05:33Z gate opened'],
    ['On April 9 the gate opened.', '2026-04-09 gate opened'],
    ['It was in April 2026.', '2026-04-09 gate opened'],
    ['It runs version 2.14.3.', 'upgraded to v2.14.3 today'],
    ['It runs v3.', 'version 3 is live'],
    ['Twelve hosts restarted.', '12 hosts restarted'],
    ['It restarted 12 hosts.', 'twelve hosts restarted'],
    ['1,200 requests failed.', '1200 requests failed'],
    ['12.5 percent failed.', 'error rate 12.5%'],
    ['Request req-7f3a failed on n2.', 'ERROR n2 req-7f3a failed'],
    ['The 99th percentile rose.', 'p99 rose'],
    ['The two passages agree, and one of them is a log.', 'nothing'],
    ['It never happened.', 'nothing'],
    ['The host 10.0.0.17 answered.', 'host 10.0.0.17 up'],
    ['It may fail and will march on.', 'nothing'],
    ['It fell to -5 °C.', 'temperature -5 °C'],
    ['It was 2026.', '2026-04-09 gate opened'],
  ])('finds nothing wrong with %j of %j', (text, evidence) => {
    expect(missing(text, evidence)).toEqual([])
  })

  test.each([
    ['The p95 latency was 255 ms.', 'p95 latency: 250 ms', ['255 ms']],
    ['It took 250 s.', 'latency_ms=250', ['250 s']],
    ['It took 25 ms.', 'latency: 250 ms', ['25 ms']],
    ['It failed 250 times.', 'latency: 250 ms', ['250']],
    ['About 1 second.', '1200 ms', ['1 second']],
    ['It opened at 14:06.', '2026-04-09T14:05:33Z gate opened', ['14:06']],
    ['It opened on 10 April 2026.', '2026-04-09 gate opened', ['10 April 2026']],
    ['It opened on 9 April 2025.', '2026-04-09 gate opened', ['9 April 2025']],
    ['It opened on 9 April 2026.', 'opened on 9 April', ['9 April 2026']],
    ['It was in May.', '2026-04-09 gate opened', ['May']],
    ['It was on Tuesday.', 'on Monday', ['Tuesday']],
    ['It runs version 2.14.4.', 'upgraded to v2.14.3', ['version 2.14.4']],
    ['It runs version 2.14.', 'upgraded to v2.14.3', ['version 2.14']],
    ['Python 3.12 is used.', 'Python 3.12.1 is used', ['3.12']],
    ['Thirteen hosts restarted.', '12 hosts restarted', ['Thirteen']],
    ['Request req-7f3b failed on n3.', 'n2 req-7f3a', ['req-7f3b', 'n3']],
    ['n2 failed.', 'n22 failed', ['n2']],
    ['n2 failed.', 'conn2 failed', ['n2']],
    ['In total 12 failed.', '5 failed here and 7 there', ['12']],
    ['The p95 rose.', 'p99 rose', ['p95']],
    ['12 percent failed.', 'error rate 12.5%', ['12 percent']],
    ['Host 10.0.0.1 answered.', 'host 10.0.0.17', ['10.0.0.1']],
    ['It fell to -5 °C.', '5 °C', ['-5 °C']],
  ])('finds what %j states beyond %j', (text, evidence, wrong) => {
    expect(missing(text, evidence)).toEqual(wrong)
  })

  test('takes a figure from any of the texts', () => {
    expect(missing('250 ms, not 200 ms', 'p95 is 200 ms', 'p95 250 ms')).toEqual([])
  })

  test('finds nothing in a text that is the evidence itself, or a sentence of it', () => {
    const sentence = fc
      .tuple(
        fc.constantFrom(
          'Gate',
          'host-17',
          'p95',
          'req=7f3a',
          'v2.1.0',
          'On 9 April 2026',
          'At 14:05',
          'latency_ms',
        ),
        fc.constantFrom('took', '=', 'was', 'rose to'),
        fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 })),
        fc.constantFrom('ms', 's', '%', 'requests', '', 'GB'),
      )
      .map(([who, verb, figure, unit]) => `${who} ${verb} ${figure} ${unit}.`)
    fc.assert(
      fc.property(fc.array(sentence, { minLength: 1, maxLength: 4 }), fc.nat(), (sentences, pick) => {
        const one = sentences[pick % sentences.length] as string
        expect(missing(one, sentences.join('\n'))).toEqual([])
      }),
    )
  })
})

describe('unquotable()', () => {
  const evidence = 'ERROR: “disk full” on n2;\n  retrying  in 5 s. It isn’t over.'

  test.each([
    'It says "disk full".',
    'It says “Disk full on” no, “disk full”.'.replace('“Disk full on” no, ', ''),
    'It says “retrying in 5 s.”',
    'It says `on n2`.',
    'It says "ERROR … on n2".',
    "It says 'retrying in' and isn't it so?",
    "The hosts' disks and the gate's log.",
    'It says «retrying».',
    'Nothing is quoted.',
  ])('finds nothing wrong with %j', text => {
    expect(misquoted(text, evidence)).toEqual([])
  })

  test.each([
    ['It says "disk is full".', ['disk is full']],
    ['It says “out of disk” and "disk full".', ['out of disk']],
    ['It says ‘all well’.', ['all well']],
    ["It says 'all well'.", ['all well']],
    ['It says `rm -rf`.', ['rm -rf']],
    ['It says "and never ends', ['and never ends']],
    ['It says "ERROR … on n3".', ['ERROR … on n3']],
  ])('finds what %j misquotes', (text, wrong) => {
    expect(misquoted(text, evidence)).toEqual(wrong)
  })
})
