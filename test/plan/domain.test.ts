/** Where an effect runs: what domains are predicted to take, what they learn, and where work goes. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  chooseDomain,
  crossingCost,
  Domain,
  type DomainOptions,
  defaultLinks,
  defaultProfile,
  explainDomainChoice,
  transferMs,
} from '../../src/plan/domain.ts'

const run = { ok: true, items: 10, latencyMs: 10, workMs: 100 }

/** A domain for `embed`, on a clock that stands still unless told otherwise. */
const domainOf = (
  name: string,
  { queued = 0, ...options }: Partial<DomainOptions> & { queued?: number } = {},
) =>
  new Domain({
    name,
    kind: 'process',
    capabilities: ['embed'],
    queueDepth: () => queued,
    now: () => 0,
    ...options,
  })

/** The same, measured so often that it shows this profile and no other. */
function measured(
  name: string,
  itemsPerSecond: number,
  latencyMs = 0,
  options: Parameters<typeof domainOf>[1] = {},
) {
  const profile = { throughputPerSecond: itemsPerSecond, latencyMs, reliability: 1 }
  const domain = domainOf(name, { profile, ...options })
  for (let runs = 0; runs < 3; runs += 1)
    domain.note({ ok: true, items: 1, latencyMs, workMs: 1000 / itemsPerSecond })
  return domain
}

describe('Domain', () => {
  test('is what it is believed to be until something was measured', () => {
    expect(domainOf('a').profile).toEqual(defaultProfile)
    const profile = { latencyMs: 1, throughputPerSecond: 2, reliability: 0.5, costFactor: 3 }
    expect(domainOf('a', { profile }).profile).toEqual(profile)
    expect(domainOf('a', { kind: 'queue', link: { latencyMs: 7 } }).link).toEqual({
      latencyMs: 7,
      bytesPerSecond: defaultLinks.queue.bytesPerSecond,
    })
  })

  test('takes the first run for half, and later ones for a fifth', () => {
    const domain = domainOf('a')
    domain.note({ ...run, costRatio: 2 })
    // 1 ms an item was believed, 10 ms measured.
    expect(domain.profile).toEqual({
      latencyMs: 55,
      throughputPerSecond: expect.closeTo(1000 / 5.5, 9),
      reliability: 0.975,
      costFactor: 1.5,
    })
    for (let runs = 1; runs < 5; runs += 1) domain.note(run)
    const { latencyMs } = domain.profile
    domain.note({ ...run, latencyMs: latencyMs + 10 })
    expect(domain.profile.latencyMs).toBeCloseTo(latencyMs + 2, 9)
    expect(domain.runs).toBe(6)
  })

  test('comes to what it is measured to be', () => {
    const domain = domainOf('a')
    for (let runs = 0; runs < 100; runs += 1) domain.note({ ...run, costRatio: 4 })
    expect(domain.profile).toEqual({
      latencyMs: expect.closeTo(10, 5),
      throughputPerSecond: expect.closeTo(100, 5),
      reliability: expect.closeTo(1, 5),
      costFactor: expect.closeTo(4, 5),
    })
  })

  test('learns nothing but its reliability from failures and from figures that are none', () => {
    const domain = domainOf('a')
    domain.note({ ...run, ok: false, workMs: 0 })
    expect(domain.profile).toEqual({ ...defaultProfile, reliability: 0.475 })
    domain.note({ ...run, workMs: Number.NaN })
    domain.note({ ...run, items: 0 })
    expect(domain.profile).toMatchObject({ latencyMs: 100, throughputPerSecond: 1000 })
    expect(domain.runs).toBe(3)
  })

  test('is forgiven its failures with time', () => {
    let at = 0
    const domain = domainOf('a', { now: () => at })
    for (let runs = 0; runs < 50; runs += 1) domain.note({ ...run, ok: false })
    expect(domain.profile.reliability).toBeCloseTo(0, 2)
    at = 60_000
    expect(domain.profile.reliability).toBeCloseTo(0.475, 2)
    at = 600_000
    expect(domain.profile.reliability).toBeCloseTo(0.95, 2)
  })

  test.each<Partial<DomainOptions>>([
    { profile: { latencyMs: -1 } },
    { profile: { throughputPerSecond: 0 } },
    { profile: { reliability: 1.1 } },
    { profile: { costFactor: Number.NaN } },
    { link: { bytesPerSecond: 0 } },
    { link: { latencyMs: -1 } },
  ])('refuses %j', options => {
    expect(() => domainOf('a', options)).toThrow(expect.objectContaining({ code: 'ER_CONFIG' }))
  })
})

describe('handing over', () => {
  test('takes the latency of the link, and the bytes over its bandwidth', () => {
    expect(transferMs({ latencyMs: 20, bytesPerSecond: 1e6 }, 5e5)).toBe(520)
    expect(transferMs(defaultLinks.process, 1e12)).toBe(0)
  })

  test.each([
    ['process', 'process', 1275],
    ['process', 'pool', 1275],
    ['pool', 'queue', 1975],
    ['queue', 'queue', 875],
    ['queue', 'process', 775],
  ] as const)('from %s to %s costs %i', (from, to, cost) => {
    expect(crossingCost(from, to)).toBe(cost)
  })

  test('costs more by the mean of the factors and by complexity', () => {
    expect(crossingCost('pool', 'pool', { factors: [2, 2] })).toBe(2550)
    expect(crossingCost('pool', 'pool', { factors: [1, 3] })).toBe(2550)
    expect(crossingCost('pool', 'queue', { complexity: 1.5 })).toBe(2962)
  })
})

describe('chooseDomain()', () => {
  const names = ({ ranking }: { ranking: readonly { name: string }[] }) => ranking.map(({ name }) => name)

  test('predicts queue, work, latency and transfer, over the reliability', () => {
    const profile = { throughputPerSecond: 100, latencyMs: 30, reliability: 0.5 }
    const link = { latencyMs: 20, bytesPerSecond: 1e6 }
    const domain = domainOf('a', { profile, link, kind: 'queue', queued: 7 })
    for (let runs = 0; runs < 40; runs += 1)
      domain.note({ ok: runs % 2 === 0, items: 1, latencyMs: 30, workMs: 10 })
    const { reliability } = domain.profile
    const { ranking } = chooseDomain('embed', 3, 5e4, [domain])
    expect(ranking).toEqual([
      {
        name: 'a',
        parts: { queueMs: 70, workMs: 30, latencyMs: 30, transferMs: 70 },
        predictedMs: expect.closeTo(200 / reliability, 6),
        score: expect.closeTo(200 / reliability, 6),
        reliability,
        explored: false,
        crossingCost: 1975,
      },
    ])
  })

  test('sends work where it is finished first: not to the faster one when that has a queue', () => {
    const slow = measured('slow', 100)
    expect(chooseDomain('embed', 10, 0, [slow, measured('fast', 1000)]).chosen.name).toBe('fast')
    expect(chooseDomain('embed', 10, 0, [slow, measured('fast', 1000, 0, { queued: 100 })]).chosen.name).toBe(
      'slow',
    )
  })

  test('keeps large payloads near, and sends small ones far', () => {
    const near = measured('near', 100)
    const far = measured('far', 1000, 0, { kind: 'queue' })
    expect(chooseDomain('embed', 10, 1e3, [near, far]).chosen).toBe(far)
    expect(chooseDomain('embed', 10, 1e8, [near, far]).chosen).toBe(near)
  })

  test('counts failures as work to be done again', () => {
    const [steady, flaky] = [measured('steady', 100), measured('flaky', 150)]
    expect(chooseDomain('embed', 10, 0, [steady, flaky]).chosen).toBe(flaky)
    for (let runs = 0; runs < 3; runs += 1) flaky.note({ ...run, ok: false })
    expect(chooseDomain('embed', 10, 0, [steady, flaky]).chosen).toBe(steady)
  })

  test('tries a domain that was hardly used, and then goes by what it was measured to be', () => {
    const [known, unseen] = [measured('known', 1000), domainOf('unseen', { profile: { latencyMs: 50 } })]
    for (let runs = 0; runs < 3; runs += 1) {
      const choice = chooseDomain('embed', 10, 0, [known, unseen])
      expect(choice.chosen).toBe(unseen)
      expect(choice.ranking[0]).toMatchObject({ explored: true, reliability: 1 })
      unseen.note({ ...run, latencyMs: 50 })
    }
    expect(chooseDomain('embed', 10, 0, [known, unseen]).chosen).toBe(known)
  })

  test('gives up trying a domain that fails', () => {
    const [known, broken] = [measured('known', 1000), domainOf('broken')]
    for (let runs = 0; runs < 3; runs += 1) broken.note({ ...run, ok: false })
    expect(chooseDomain('embed', 10, 0, [known, broken]).chosen).toBe(known)
  })

  test('does not try a domain that is not expected to keep the time', () => {
    const [known, unseen] = [measured('known', 1000), domainOf('unseen')]
    const choice = chooseDomain('embed', 10, 0, [known, unseen], { maxLatencyMs: 60 })
    expect(choice.chosen).toBe(known)
    expect(choice.rejected).toEqual([
      { name: 'unseen', reason: 'it is expected to take 110 ms, and 60 ms may be taken' },
    ])
  })

  test('gives equals to the one less used, then to the cheaper crossing, then by name', () => {
    const link = { latencyMs: 0 }
    const far = measured('a', 100, 0, { kind: 'queue', link })
    const [b, c] = [measured('b', 100), measured('c', 100)]
    expect(names(chooseDomain('embed', 1, 0, [far, c, b]))).toEqual(['b', 'c', 'a'])
    b.note({ ok: true, items: 1, latencyMs: 0, workMs: 10 })
    expect(names(chooseDomain('embed', 1, 0, [far, c, b]))).toEqual(['c', 'a', 'b'])
  })

  test('leans to domains that are liked, and no further', () => {
    const domains = [measured('a', 100), measured('b', 97), measured('c', 90)]
    const hints = (domainOrder: string[]) => ({ domainOrder })
    expect(chooseDomain('embed', 1, 0, domains).chosen.name).toBe('a')
    expect(chooseDomain('embed', 1, 0, domains, hints(['b'])).chosen.name).toBe('b')
    expect(chooseDomain('embed', 1, 0, domains, hints(['b', 'a'])).chosen.name).toBe('a')
    expect(chooseDomain('embed', 1, 0, domains, hints(['c'])).chosen.name).toBe('a')
  })

  test('does not depend on the order in which domains are given', () => {
    const figure = fc.integer({ min: 1, max: 5 })
    const domains = fc.array(fc.tuple(figure, figure, fc.boolean()), { minLength: 2, maxLength: 6 })
    fc.assert(
      fc.property(domains, fc.infiniteStream(fc.nat()), (given, random) => {
        const made = given.map(([speed, latencyMs, seen], index) =>
          seen
            ? measured(`d${index}`, speed * 100, latencyMs)
            : domainOf(`d${index}`, { profile: { throughputPerSecond: speed * 100, latencyMs } }),
        )
        const keys = new Map(made.map(domain => [domain, random.next().value as number]))
        const shuffled = made.toSorted((a, b) => (keys.get(a) ?? 0) - (keys.get(b) ?? 0))
        expect(chooseDomain('embed', 3, 0, shuffled)).toEqual(chooseDomain('embed', 3, 0, made))
      }),
    )
  })

  test('never prefers a domain for becoming slower, longer queued or farther away', () => {
    const figure = fc.integer({ min: 1, max: 50 })
    const domain = fc.record({ speed: figure, latency: figure, queued: fc.nat(50), way: fc.nat(50) })
    const worse = fc.record({ latency: fc.nat(20), queued: fc.nat(20), way: fc.nat(20) })
    const make = (
      name: string,
      { speed, latency, queued, way }: Record<'speed' | 'latency' | 'queued' | 'way', number>,
    ) => measured(name, speed, latency, { queued, link: { latencyMs: way } })
    fc.assert(
      fc.property(domain, domain, worse, (a, b, more) => {
        const other = make('b', b)
        if (chooseDomain('embed', 2, 0, [make('a', a), other]).chosen === other) {
          const [latency, queued, way] = [a.latency + more.latency, a.queued + more.queued, a.way + more.way]
          const slower = make('a', { speed: a.speed, latency, queued, way })
          expect(chooseDomain('embed', 2, 0, [slower, other]).chosen).toBe(other)
        }
      }),
    )
  })

  test('refuses an operation that no domain runs, and a time that none keeps', () => {
    const domains = [domainOf('a'), domainOf('b', { capabilities: ['echo'] })]
    expect(() => chooseDomain('verify', 1, 0, domains)).toThrow(
      expect.objectContaining({
        code: 'ER_UNKNOWN_OP',
        message: 'No domain can run verify. a: it does not run verify. b: it does not run verify',
      }),
    )
    expect(() => chooseDomain('embed', 1, 0, domains, { maxLatencyMs: 5 })).toThrow(
      expect.objectContaining({
        code: 'ER_DEADLINE',
        message: expect.stringContaining('a: it is expected to take 101 ms, and 5 ms may be taken'),
      }),
    )
    expect(() => chooseDomain('embed', 1, 0, [])).toThrow(expect.objectContaining({ code: 'ER_UNKNOWN_OP' }))
  })

  test('explains itself with the figures of every domain', () => {
    const domains = [
      measured('fast', 1000),
      measured('slow', 10, 5, { queued: 2 }),
      domainOf('other', { capabilities: ['echo'] }),
      domainOf('unseen', { kind: 'queue', profile: { throughputPerSecond: 1 } }),
    ]
    expect(explainDomainChoice(chooseDomain('embed', 10, 1e6, domains)).split('\n')).toEqual([
      'embed goes to fast, predicted to finish first in 10 ms: 0 behind others, 10 of work, 0 to begin, ' +
        '0 on the way, reliability 1',
      'unseen would take 35 ms: 0 behind others, 5 of work, 0 to begin, 30 on the way, reliability 1, ' +
        'hardly used so far and so to be tried',
      'slow would take 1205 ms: 200 behind others, 1000 of work, 5 to begin, 0 on the way, reliability 1',
      'other was ruled out: it does not run embed',
    ])
  })
})
