/**
 * The words of operations: one root for the forms of a word, one concept for words that mean the same in logs,
 * tables and configuration, and what kind a word is. English; an unknown word is simply itself.
 */
import { stem } from '../facts/words.ts'

const list = (text: string): readonly string[] => text.split(/\s+/).filter(Boolean)

/** A word without its ending: `rejections`, `rejected` and `reject` are one. */
function cut(word: string): string {
  const lower = word.toLowerCase()
  if (/\d/.test(lower)) return lower
  let root = stem(lower)
  for (const end of ['ment', 'ion', 'ure', 'ance', 'ence', 'er', 'or', 'ity', 'ly', 'al']) {
    if (root.endsWith(end) && root.length - end.length >= 4) {
      root = root.slice(0, -end.length)
      break
    }
  }
  if (root.endsWith('iliat')) root = root.slice(0, -3)
  if (root.endsWith('at') && root.length >= 7) root = root.slice(0, -2)
  if (root.endsWith('e') && root.length > 4) root = root.slice(0, -1)
  return root
}

/** Each line: words of one meaning; the first gives the name. */
const groups = `
latency took take taken lasted last response responded responds answered answer elapsed duration runtime rtt
memory mem ram rss heap
disk storage volume filesystem
error errors err failures failed failure fail fails failing unsuccessful crashed
request requests req reqs call calls
connection connections conn conns connected pool
restart restarts restarted rebooted reboot reboots
database db postgres mysql
configuration config conf cfg configured
certificate certificates cert certs
message messages msg msgs
user users account accounts
login logins signin
utilization utilisation util usage use used uses using
temperature temp temperatures degrees
cpu cpus
production prod
staging stg
development dev
environment env
deployment deploy deployed deploys rollout released release shipped
delete deleted deletion removed remove removal dropped
start started starts starting begin began begun launched
finish finished finishes ended end ends complete completed completes completion done over
stop stopped stops halted shut
retry retries retried retrying
timeout timeouts timedout
expire expires expired expiry expiration notafter ttl
average avg mean
maximum max highest peak ceiling most
minimum min lowest floor least fewest
median p50
quantity qty count number num
size sizes bytes large big weighs
enable enabled on activated active
disable disabled off deactivated inactive
refuse refused reject rejected rejects denied declined
accept accepted accepts allowed permitted allows
success successes succeeded successful successfully ok passed pass passes
skip skipped skips ignored
replica replicas
worker workers
thread threads
keep kept keeps retention retained retain
garbage gc
transmit transmitted tx sent sends send outgoing egress
receive received rx incoming ingress
order orders
customer customers client clients
warning warnings warn warned
critical crit fatal
vulnerability vulnerabilities cve cves
price cost costs prices spend spent
revenue sales turnover
employee employees staff headcount
ticket tickets issue issues
free available
remaining left
throughput tps qps rps
queue queues queued backlog
waiting wait waited waits
depth length
bandwidth traffic
country countries
percentage percent pct share proportion
maintainer owner owned owns owners
address addr
primary leader master
secondary follower standby
upgrade upgraded upgrades updated update updates
version versions
interval every period frequency
level levels
directory dir folder path
password passwords passwd
parallel concurrent concurrently simultaneous simultaneously concurrency
limit limits limited capped cap restricted quota
target targets goal goals objective objectives slo
threshold thresholds alert alerts
healthy health up alive
unhealthy down dead
broken breakage
signup signups registration registrations registered
compression compress compressed gzip
build builds built
test tests tested
check checks checked
job jobs
page pages
attempt attempts tries
region regions
renew renewed renewal renews
schedule scheduled schedules cron
backup backups
visit visited visits visitor visitors
evict evicted evictions evicts
download downloads downloaded
upload uploads uploaded
merge merged merges
approve approved approval approves
host hosts hostname machine machines
interface interfaces iface nic
loopback lo
query queries
select selects
mobile phone
processed process handled handle
scale scaled scaling
deferred defer deferral
bounced bounce
postponed postpone delayed delay
cancelled canceled cancel cancellation
rollback rolled
open opened opens
close closed closes
lock locked locks
fetch fetched fetches
import imported imports
export exported exports
sync synced synchronised synchronized synchronisation
replication replicated
dependency dependencies
kernel kernels
zone zones az
hour hourly
day daily
month monthly
`

const concepts = new Map<string, string>()
for (const line of groups.split('\n')) {
  const words = list(line)
  const [name] = words
  if (name !== undefined)
    for (const word of words)
      for (const form of [word, cut(word)]) if (!concepts.has(form)) concepts.set(form, cut(name))
}

const known = new Map<string, string>()

/** The concept of a word: equal for words that may stand for one another. */
export function conceptOf(word: string): string {
  const first = word.charCodeAt(0)
  const last = word.charCodeAt(word.length - 1)
  if ((first >= 48 && first <= 57) || (last >= 48 && last <= 57))
    return concepts.get(word.toLowerCase()) ?? word.toLowerCase()
  const found = known.get(word)
  if (found !== undefined) return found
  const lower = word.toLowerCase()
  const root = cut(lower)
  const concept = concepts.get(lower) ?? concepts.get(root) ?? root
  if (known.size > 20_000) known.clear()
  known.set(word, concept)
  return concept
}

const conceptSet = (text: string): ReadonlySet<string> => new Set(list(text).map(conceptOf))
const mutableSet = (text: string): Set<string> => new Set(list(text).map(conceptOf))
const words = (text: string): ReadonlySet<string> => new Set(list(text))

/** Words that carry no meaning for the arithmetic. */
export const grammar =
  words(`a an and are as at be been being but by did do does for from had has have he her his i if
  in into is it its no nor not of on onto or our per s so such t than that the their them then there these they
  this those to too upon was we were what when where which while who whose will with would you your it's each
  every all any both some more less fewer most least over under above below about around nearly almost only just
  also even still yet already exactly within during through throughout via never none without again out off down
  utc gmt approximately roughly ever can could may might one own because though although however itself how now
  ago later earlier neither either nobody nothing anyone anything everything between since until before after
  whole entire single whatsoever actually anywhere further beyond up first second third last two three four five
  six seven eight nine ten once twice same own its least other another else than me my across among amongst per cet cest est edt pst pdt`)

/** Concepts that need not stand in the evidence: they only carry a figure. */
const soft =
  mutableSet(`need needed use reach reached stay stayed remain remained record recorded report reported
  measure measured observe observed log logged see saw seen show shown shows come came stand stood stands amount
  value number figure service server system application app hold held holds get got gets run ran runs running have
  become became total sum overall altogether combined make made give given equal equals lie lay point exceed
  exceeded exceeds rise rose risen fell fall drop grow grew grown increase increased decrease decreased change
  changed go went gone climb climbed shrink shrank jump jumped higher lower larger smaller faster
  slower longer shorter bigger greater high low long short great quick quicker top latest recent final current
  currently contain contains contained consist include includes included consume consumed set list listed exist
  happen happened occur occurred time times entry entries line lines row rows event events item items record
  records instance instances exact quantity percentage day date hour minute second month week year period moment
  thing things place case cases use put take taken took do done tier setup farm fleet mode flag option setting feature parameter status state label configured configuration
  table column response process rate ratio level registered register per half quarter double doubled tripled thirds
  third twice times comes stands counted count counts amounted answer answered answers file written clock
  bring brought turn turned turns find found average stretch period series newer older wrote wrote-off morning afternoon evening night midnight noon o clock percent degree simultaneous parallel
  single separate worth`)

for (const word of list(
  'latency interval free finish start keep error deploy maximum minimum memory utilization deleted percentage',
))
  soft.delete(conceptOf(word))

const softWords =
  words(`took take taken takes last lasts lasted answer answers answered respond responds responded response finish finished period
  every remain remains remained left use uses used using configured set produced produces emitted raised threw thrown
  generated printed wrote written issued logged reported recorded counted saw seen showed experienced suffered had made
    took ran went came gave got listed warmer hotter colder cooler newer older faster slower higher lower`)

/** True for words of a claim that only carry a figure, though what they stand for may be measured itself. */
export const isSoftWord = (lower: string): boolean => softWords.has(lower)

/** Concepts that are soft beside a figure of a dimension: the unit says them. */
const softOf: Readonly<Record<string, ReadonlySet<string>>> = {
  time: conceptSet('latency last delay within need slow fast old age finish run wait seconds'),
  bytes: conceptSet('size weigh occupy take space bytes large'),
  percent: conceptSet('rate ratio share utilization percentage'),
  rate: conceptSet('rate throughput second minute hour per'),
  'byte-rate': conceptSet('rate throughput speed'),
  'bit-rate': conceptSet('rate throughput speed bandwidth'),
  temperature: conceptSet('temperature degree celsius measured warm cold read'),
  version: conceptSet('version release use run instal pin lock series'),
}

/** True for concepts that only carry a figure of `dimension`. */
export const isSoft = (concept: string, dimension = ''): boolean =>
  soft.has(concept) || (softOf[dimension]?.has(concept) ?? false)

const plans =
  conceptSet(`plan planned target goal limit budget threshold expect expected forecast estimate estimated
  objective slo sla quota should must shall aim alert deadline propose proposed intend intended allowance recommend
  recommended require required guarantee timeout schedule scheduled project projected predict predicted setpoint
  desired requested requests ceiling available allowed wanted proposal draft alarm default`)

/** True for concepts that name a limit, a plan, a wish or an expectation and not what is. */
export const isPlan = (concept: string): boolean =>
  plans.has(concept) &&
  concept !== conceptOf('requests') &&
  concept !== conceptOf('free') &&
  concept !== conceptOf('accept')

const environments =
  conceptSet(`staging development qa sandbox canary preview beta loadtest benchmark rehearsal
  simulation drill mock demo uat preprod shadow testbed`)

/** True for concepts that name another environment than the one that serves. */
export const isEnvironment = (concept: string): boolean => environments.has(concept)

const telling =
  conceptSet(`failed rejected dropped error success cached skipped expired blocked deferred bounced
  cancelled timeout refused evicted miss misses paid returned refunded lost late closed unique distinct idle reserved
  swap pending free`)

/** True for concepts of a claim that a row has to say: they tell what became of a thing. */
export const isTelling = (concept: string): boolean => telling.has(concept)

const outcomes =
  conceptSet(`failed rejected dropped error success cached retried skipped expired blocked free used read
  written in out sent received minimum maximum average median p95 p99 deferred bounced cancelled timeout refused
  evicted hit miss misses accepted paid returned refunded lost late open closed passed new old previous reserved idle
  active warm cold swap peak planned pending unique distinct per active memory disk cpu swap network`)

/** True for concepts in a name that tell apart what a shorter name would mix. */
export const isOutcome = (concept: string): boolean => outcomes.has(concept)

const opposites: readonly (readonly [string, string])[] = [
  ['enable yes true active up', 'disable no false inactive down'],
  [
    'up healthy ready running online alive available reachable',
    'down unhealthy notready stopped offline dead unavailable unreachable',
  ],
  ['success ok passed green succeeded completed', 'error failed red broken aborted cancelled'],
  ['open opened', 'close closed'],
  ['on', 'off'],
  ['accept accepted allow', 'refuse rejected deny denied'],
  ['locked', 'unlocked'],
  ['encrypted', 'unencrypted plain'],
  ['public', 'private internal'],
  ['primary', 'secondary replica'],
  ['valid', 'invalid expired'],
  ['planned', 'live done'],
].map(([left = '', right = '']) => [left, right] as const)

const sideOf = new Map<string, Set<number>>()
for (const [index, pair] of opposites.entries()) {
  for (const [side, text] of pair.entries()) {
    for (const word of list(text)) {
      for (const form of [word, conceptOf(word)]) {
        const sides = sideOf.get(form) ?? new Set<number>()
        sides.add(side === 0 ? index + 1 : -(index + 1))
        sideOf.set(form, sides)
      }
    }
  }
}

/** Whether two state words mean the same, the opposite, or nothing that is known. */
export function stateOf(a: string, b: string): 'same' | 'opposite' | undefined {
  if (a === b || conceptOf(a) === conceptOf(b)) return 'same'
  const [left, right] = [sideOf.get(a) ?? sideOf.get(conceptOf(a)), sideOf.get(b) ?? sideOf.get(conceptOf(b))]
  if (left === undefined || right === undefined) return undefined
  for (const side of left) if (right.has(-side)) return 'opposite'
  for (const side of left) if (right.has(side)) return 'same'
  return undefined
}

const wordPattern = /[\p{L}\p{M}][\p{L}\p{M}]*\d*(?:[\p{L}]+\d*)?|\p{N}+\p{L}*/gu

/** The words of `text`, identifiers taken apart (`queueWait_ms` is queue, wait, ms). */
export function wordsIn(text: string): string[] {
  return text.replace(/(?<=[a-z\d])(?=[A-Z][a-z])/g, ' ').match(wordPattern) ?? []
}

/** The concepts of the words of `text` that are not grammar. */
export function conceptsIn(text: string): string[] {
  return wordsIn(text)
    .filter(word => !grammar.has(word.toLowerCase()))
    .map(conceptOf)
}

const members = new Map<string, readonly string[]>()
for (const line of groups.split('\n')) {
  const group = list(line)
  const [name] = group
  if (name !== undefined) members.set(cut(name), group)
}

/** Beginnings by which the words of a concept are found in small letters. */
export function formsOf(concept: string, lower: string): string[] {
  const group = members.get(concept) ?? []
  const forms = [...group, lower].map(word =>
    word.length > 6 ? word.slice(0, 6) : word.length > 4 ? word.slice(0, -1) : word,
  )
  return [...new Set(forms)]
}
