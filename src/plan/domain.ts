/**
 * A domain is where an effect can run: this process, the local pool, a remote queue. It is measured as it is
 * used, and work goes where it is predicted to be finished first.
 *
 *   transfer  = link latency + bytes / bandwidth
 *   predicted = ((queue + items) / throughput + latency + transfer) / reliability
 *
 * A domain that has hardly been used is taken for faster than those that have, until it has been measured. A
 * failure is forgiven with time, so that a domain that was down is tried again. Not here: running anything.
 */
import { errorOf } from '../core/errors.ts'
import { type Hints, likingOf, short } from './hints.ts'

/** This process, workers of this machine, or elsewhere. */
export type DomainKind = 'process' | 'pool' | 'queue'

/** How a domain does. */
export type DomainProfile = {
  /** From the work's arrival until it begins, without waiting for other work, in milliseconds. */
  readonly latencyMs: number
  /** Items that the whole domain finishes in a second, while it has any. */
  readonly throughputPerSecond: number
  /** Probability that a run succeeds, 0 to 1. */
  readonly reliability: number
  /** What work costs there, as a multiple of its estimate: an EffectCostModel's `domainCostFactor`. */
  readonly costFactor: number
}

/** The way to a domain and back. */
export type Link = {
  readonly latencyMs: number
  /** Infinity where nothing is sent. */
  readonly bytesPerSecond: number
}

/** What makes a domain. */
export type DomainOptions = {
  /** Unique among the domains that are chosen from. */
  readonly name: string
  readonly kind: DomainKind
  /** The operations that it can run. */
  readonly capabilities: Iterable<string>
  /** Items that wait there or run. */
  readonly queueDepth: () => number
  /** What is believed before anything is measured. @default `defaultProfile` */
  readonly profile?: Partial<DomainProfile>
  /** @default by the kind, see `defaultLinks` */
  readonly link?: Partial<Link>
  /** Milliseconds on a clock that never goes back. @default performance.now */
  readonly now?: () => number
}

/** How one run went. */
export type DomainRun = {
  readonly ok: boolean
  readonly items: number
  /** Until the work began, without waiting for other work, in milliseconds. */
  readonly latencyMs: number
  /** For which it held the domain, in milliseconds: of several runs side by side, its share. */
  readonly workMs: number
  /** What it cost over what was estimated at a factor of 1. @default not measured */
  readonly costRatio?: number
}

/** What is believed of a domain of which nothing is known. */
export const defaultProfile: DomainProfile = {
  latencyMs: 100,
  throughputPerSecond: 1000,
  reliability: 0.95,
  costFactor: 1,
}

/** Links by kind: memory, pipes of this machine, a network of 100 MB/s. */
export const defaultLinks: Readonly<Record<DomainKind, Link>> = {
  process: { latencyMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY },
  pool: { latencyMs: 1, bytesPerSecond: 1e9 },
  queue: { latencyMs: 20, bytesPerSecond: 1e8 },
}

/** Part of a figure that its newest measurement makes up, once there are a few. */
const newestShare = 0.2

/** Runs until which a domain counts as hardly used. */
const explorationRuns = 3

/** How much faster than the best measured one a hardly used domain is taken to be. */
const optimism = 2

/** Time after which half of what was measured of the reliability has given way to what was believed. */
const forgivenMs = 60_000

/** The part of the predicted time that the best liked domain is let off. */
const liking = 0.05

/** So that a domain that always fails comes last, and its prediction is a number all the same. */
const leastReliability = 0.01

export class Domain {
  readonly name: string
  readonly kind: DomainKind
  readonly capabilities: ReadonlySet<string>
  readonly link: Link
  readonly #believed: DomainProfile
  readonly #queueDepth: () => number
  readonly #now: () => number
  #measured: DomainProfile
  #runs = 0
  #successes = 0
  #notedAt = 0

  /** @throws InputError ER_CONFIG for figures out of their range. */
  constructor(options: DomainOptions) {
    const { name, kind, capabilities, queueDepth, now = () => performance.now() } = options
    this.name = name
    this.kind = kind
    this.capabilities = new Set(capabilities)
    this.link = { ...defaultLinks[kind], ...options.link }
    this.#believed = { ...defaultProfile, ...options.profile }
    this.#measured = this.#believed
    this.#queueDepth = queueDepth
    this.#now = now
    checkFigures(this.name, this.#believed, this.link)
  }

  /** Runs noted so far, failed ones included. */
  get runs(): number {
    return this.#runs
  }

  /** How it does, as far as is known now. */
  get profile(): DomainProfile {
    const kept = this.#runs === 0 ? 0 : 2 ** ((this.#notedAt - this.#now()) / forgivenMs)
    const { reliability: believed } = this.#believed
    return { ...this.#measured, reliability: believed + kept * (this.#measured.reliability - believed) }
  }

  queueDepth(): number {
    return this.#queueDepth()
  }

  /** Takes in how a run went. One that failed, or has no figures, tells of the reliability alone. */
  note({ ok, items, latencyMs, workMs, costRatio }: DomainRun): void {
    const before = this.profile
    this.#notedAt = this.#now()
    this.#runs += 1
    const reliability = moved(before.reliability, ok ? 1 : 0, this.#runs)
    this.#measured = { ...before, reliability }
    if (!ok || !(items > 0 && latencyMs >= 0 && workMs >= 0)) return
    this.#successes += 1
    // Means of times, not of rates: a rate's mean is drawn to its peaks.
    const itemMs = moved(1000 / before.throughputPerSecond, workMs / items, this.#successes)
    this.#measured = {
      reliability,
      latencyMs: moved(before.latencyMs, latencyMs, this.#successes),
      throughputPerSecond: 1000 / Math.max(itemMs, 1e-6),
      costFactor:
        costRatio === undefined ? before.costFactor : moved(before.costFactor, costRatio, this.#successes),
    }
  }
}

/** `figure` with a new measurement in it; what was believed first counts as one measurement. */
const moved = (figure: number, measured: number, runs: number): number =>
  figure + Math.max(newestShare, 1 / (runs + 1)) * (measured - figure)

/** Milliseconds that `bytes` take over a link. */
export const transferMs = ({ latencyMs, bytesPerSecond }: Link, bytes: number): number =>
  latencyMs + (bytes / bytesPerSecond) * 1000

/** Whether what comes back can be recomputed and compared on this machine, or must be believed. */
export type DomainNature = 'verifiable' | 'service'

/** A remote queue is a service; what this machine computes can be verified. */
export const natureOf = (kind: DomainKind): DomainNature => (kind === 'queue' ? 'service' : 'verifiable')

const crossing = {
  base: 175,
  from: { verifiable: 1000, service: 200 },
  to: { verifiable: 100, service: 500 },
  between: 300,
} as const

/**
 * What it costs to hand an effect from one domain to another, in the units of Causality's table (1275, 1975,
 * 875, 775), a relative figure. `factors` are the two domains' cost factors, of which the mean counts.
 */
export function crossingCost(
  from: DomainKind,
  to: DomainKind,
  { factors = [1, 1], complexity = 1 }: { factors?: readonly [number, number]; complexity?: number } = {},
): number {
  const [source, target] = [natureOf(from), natureOf(to)]
  const between = source === target ? 0 : crossing.between
  const sum = crossing.base + crossing.from[source] + crossing.to[target] + between
  return Math.trunc(sum * ((factors[0] + factors[1]) / 2) * complexity)
}

/** What a domain is predicted to take, and of what that is made. Times in milliseconds. */
export type RankedDomain = {
  readonly name: string
  /** All parts together over the reliability. */
  readonly predictedMs: number
  readonly parts: {
    readonly queueMs: number
    readonly workMs: number
    readonly latencyMs: number
    readonly transferMs: number
  }
  readonly reliability: number
  /** `predictedMs` less what the domain is let off because it is liked: what decides. */
  readonly score: number
  /** Whether it was taken for better than is known, so that it is tried. */
  readonly explored: boolean
  readonly crossingCost: number
}

/** Where work goes, and the whole reckoning; plain data but for `chosen`. */
export type DomainChoice = {
  readonly op: string
  readonly chosen: Domain
  /** Best first. */
  readonly ranking: readonly RankedDomain[]
  /** In the order of their names. */
  readonly rejected: readonly { readonly name: string; readonly reason: string }[]
}

/**
 * The domain that is predicted to finish first with `items` items of `bytes` bytes. Equal predictions go to the
 * one less used, then to the cheaper crossing from this process, then by name.
 * @throws InputError ER_UNKNOWN_OP where none can run `op`, DeadlineError ER_DEADLINE where none keeps the hints'
 * `maxLatencyMs`.
 */
export function chooseDomain(
  op: string,
  items: number,
  bytes: number,
  domains: readonly Domain[],
  hints: Pick<Hints, 'maxLatencyMs' | 'domainOrder'> = {},
): DomainChoice {
  const sorted = domains.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const rejected: { name: string; reason: string }[] = []
  const kept: Domain[] = []
  for (const domain of sorted) {
    const reason = objection(op, items, bytes, domain, hints)
    if (reason === undefined) kept.push(domain)
    else rejected.push({ name: domain.name, reason })
  }
  if (kept.length === 0) {
    const able = domains.some(({ capabilities }) => capabilities.has(op))
    const reasons = rejected.map(({ name, reason }) => `${name}: ${reason}`).join('. ')
    throw errorOf(able ? 'ER_DEADLINE' : 'ER_UNKNOWN_OP', `No domain can run ${op}. ${reasons}`)
  }
  const used = kept.filter(({ runs }) => runs >= explorationRuns)
  const ranked = kept.map(domain => ({ domain, ranked: rank(domain, items, bytes, used, hints) }))
  ranked.sort(
    (a, b) =>
      // Predictions that differ by rounding alone are equal.
      Number(a.ranked.score.toPrecision(12)) - Number(b.ranked.score.toPrecision(12)) ||
      a.domain.runs - b.domain.runs ||
      a.ranked.crossingCost - b.ranked.crossingCost,
  )
  const [best] = ranked as [(typeof ranked)[number]]
  return { op, chosen: best.domain, ranking: ranked.map(entry => entry.ranked), rejected }
}

/** Why the chosen domain was chosen and each other was not, in words; a line a domain. */
export function explainDomainChoice({ op, ranking, rejected }: DomainChoice): string {
  const [best, ...others] = ranking as [RankedDomain, ...RankedDomain[]]
  const told = ({ predictedMs, parts, reliability, explored }: RankedDomain) =>
    `${short(predictedMs)} ms: ${short(parts.queueMs)} behind others, ${short(parts.workMs)} of work, ` +
    `${short(parts.latencyMs)} to begin, ${short(parts.transferMs)} on the way, ` +
    `reliability ${short(reliability)}${explored ? ', hardly used so far and so to be tried' : ''}`
  return [
    `${op} goes to ${best.name}, predicted to finish first in ${told(best)}`,
    ...others.map(other => `${other.name} would take ${told(other)}`),
    ...rejected.map(({ name, reason }) => `${name} was ruled out: ${reason}`),
  ].join('\n')
}

type Hinted = Pick<Hints, 'maxLatencyMs' | 'domainOrder'>

function objection(op: string, items: number, bytes: number, domain: Domain, { maxLatencyMs }: Hinted) {
  if (!domain.capabilities.has(op)) return `it does not run ${op}`
  const { queueMs, workMs, latencyMs, transferMs: way } = partsOf(domain, items, bytes, domain.profile)
  const ms = queueMs + workMs + latencyMs + way
  if (maxLatencyMs === undefined || ms <= maxLatencyMs) return undefined
  return `it is expected to take ${short(ms)} ms, and ${short(maxLatencyMs)} ms may be taken`
}

function rank(
  domain: Domain,
  items: number,
  bytes: number,
  used: readonly Domain[],
  { domainOrder }: Hinted,
): RankedDomain {
  const explored = domain.runs < explorationRuns
  const profile = explored ? hoped(domain.profile, used) : domain.profile
  const parts = partsOf(domain, items, bytes, profile)
  const reliability = Math.max(leastReliability, profile.reliability)
  const predictedMs = (parts.queueMs + parts.workMs + parts.latencyMs + parts.transferMs) / reliability
  return {
    name: domain.name,
    predictedMs,
    parts,
    reliability,
    score: predictedMs * (1 - liking * likingOf(domain.name, domainOrder)),
    explored,
    crossingCost: crossingCost('process', domain.kind, { factors: [1, profile.costFactor] }),
  }
}

function partsOf(domain: Domain, items: number, bytes: number, profile: DomainProfile) {
  const { throughputPerSecond, latencyMs } = profile
  return {
    queueMs: (domain.queueDepth() / throughputPerSecond) * 1000,
    workMs: (items / throughputPerSecond) * 1000,
    latencyMs,
    transferMs: transferMs(domain.link, bytes),
  }
}

/** What is believed of a domain, or better: the best of those that are known, and better still. */
function hoped({ throughputPerSecond, latencyMs, costFactor }: DomainProfile, used: readonly Domain[]) {
  const known = used.map(({ profile }) => profile)
  return {
    throughputPerSecond: Math.max(
      throughputPerSecond,
      ...known.map(one => optimism * one.throughputPerSecond),
    ),
    latencyMs: Math.min(latencyMs, ...known.map(one => one.latencyMs / optimism)),
    reliability: 1,
    costFactor,
  }
}

function checkFigures(name: string, profile: DomainProfile, link: Link): void {
  const { latencyMs, throughputPerSecond, reliability, costFactor } = profile
  const fine =
    Math.min(latencyMs, costFactor, link.latencyMs) >= 0 &&
    Math.min(throughputPerSecond, link.bytesPerSecond) > 0 &&
    reliability >= 0 &&
    reliability <= 1
  if (fine) return
  throw errorOf('ER_CONFIG', `The figures of ${name} are out of range: ${JSON.stringify({ profile, link })}`)
}
