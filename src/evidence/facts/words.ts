/**
 * The words around figures: stems, and which words only carry a figure (soft), which mark a plan, another
 * environment or a scope. English; a language that is not listed has no soft words, so more stays silent.
 */
const list = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/).filter(Boolean))

const grammar =
  list(`a an and are as at be been being but by did do doe for from had has have he her his i if in
  into is it its no nor not of on onto or our per s so such t than that the their them then there these they this
  those to too up upon was we were what when where which while who whose will with would you your it's each
  every all any both some more less fewer most least over under above below about around nearly almost only just
  also even still yet already exactly between within during until since through throughout via never
  none without again out off down utc gmt approximately roughly than ever during can could may might one own
  because though although however itself themself ago how now later earlier newer older correction corrected
  revised amended actually just`)

/** The words as they are and as stems. */
function stemmed(text: string): ReadonlySet<string> {
  return new Set([...list(text)].flatMap(word => [word, cutEnding(word)]))
}

/** Stems that need not stand in the evidence: they only carry the figure. */
const soft =
  stemmed(`tak took taken need use usag reach hit stay remain keep kept report record measur observ log see
  saw show shown com cam came stand stood amount valu number figur level serv servic system application endpoint
  hav get got run ran ha becam becom total sum overall altogether mad mak given giv equal lie lay lead point
  exceed ris rose risen fell fall drop grow grew grown increas decreas go went gone chang climb declin
  shrank shrink jump went higher lower larger smaller faster slower longer shorter bigger greater high low larg
  small fast slow long short big great quick quicker peak top last latest recent final first single whole entir
  combin consist includ contain hold held currently actual consum allow set configur defin list exist happen occur
  time averag mean median maximum minimum max min percentil percent percentag share quantil p50 p90 p95 p99 count
  pin pinned lock locked return listen altogether least most half twic doubl tripl halv exact avg fewest highest lowest largest smallest slowest
  fastest longest shortest worst best day window period duration result return cost`)

/** Beside a figure of this dimension these only carry it, too. */
const softOf: Readonly<Record<string, ReadonlySet<string>>> = {
  time: stemmed('latency respon respons respond answer elaps delay within second minut hour ms duration'),
  bytes: stemmed('siz weigh byte storag bytes'),
  percent: stemmed('rat ratio percentag'),
  rate: stemmed('rat second minute hour throughput per'),
  temperature: stemmed('temperatur degre celsiu measur warm cold'),
}

const plans =
  stemmed(`plan plann target goal limit budget threshold expect forecast estimat objectiv slo sla quota
  should must shall aim alarm alert ceiling deadlin propos intend cap allowanc 
  tolerat recommend requir guarante timeout schedul project predict hop`)

const environments = stemmed(`stag staging dev development qa sandbox canary preview beta loadtest benchmark
  formerly rehears rehearsal simulat drill mock demo uat preprod shadow replica sidecar`)

const scopes =
  stemmed(`before after lasthour lastday lastweek lastmonth lastquarter lastyear nextweek nextmonth nextyear
  previousweek previousmonth previousyear previousrelease pastweek pastmonth pastyear region zon cluster node shard tenant customer partition replica datacent country office branch
  cold warm retri worker platform weekend night canary`)

const same = new Map(
  Object.entries({
    ...{ production: 'prod', db: 'database', mem: 'memory', ram: 'memory', svc: 'servic', err: 'error' },
    ...{ failur: 'fail', conn: 'connection', req: 'request', msg: 'messag', cfg: 'configuration' },
    ...{ config: 'configuration', rejection: 'reject', deletion: 'delet', win: 'window', respons: 'respons' },
    ...{ deployment: 'deploy', rebooted: 'reboot', utilisation: 'utilization', util: 'utilization' },
    ...{ completion: 'complet', expiry: 'expir', expiration: 'expir', stopp: 'stop', uptim: 'uptime' },
    ...{ succeed: 'success', successful: 'success', successfully: 'success', succeeded: 'success' },
    ...{ retri: 'retry', stor: 'stor', staging: 'stag' },
  }),
)

const stems = new Map<string, string>()

/** One form for the forms of a word: plural, past and -ing taken off, a few short forms written out. */
export function stem(word: string): string {
  const known = stems.get(word)
  if (known !== undefined) return known
  const lower = word.toLowerCase()
  const cut = cutEnding(lower)
  const made = same.get(lower) ?? same.get(cut) ?? cut
  if (stems.size > 20_000) stems.clear()
  stems.set(word, made)
  return made
}

function cutEnding(word: string): string {
  let cut = word
  if (/\d/.test(cut) || cut.length < 4) return cut
  if (cut.endsWith('ies') || cut.endsWith('ied')) return `${cut.slice(0, -3)}y`
  if (cut.endsWith('ing') && cut.length > 5) cut = undoubled(cut.slice(0, -3))
  else if (cut.endsWith('ed') && cut.length > 4) cut = undoubled(cut.slice(0, -2))
  else if (/(?:ss|x|z|ch|sh)es$/.test(cut)) cut = cut.slice(0, -2)
  else if (cut.endsWith('s') && !/(?:ss|us|is)$/.test(cut)) cut = cut.slice(0, -1)
  return cut.length > 3 && cut.endsWith('e') ? cut.slice(0, -1) : cut
}

function undoubled(word: string): string {
  return /([bdgmnprt])\1$/.test(word) ? word.slice(0, -1) : word
}

const wordPattern = /[\p{L}\p{M}][\p{L}\p{M}\p{N}]*|\p{N}+[\p{L}\p{N}]*/gu

/** The words of `text`, identifiers taken apart (`queueWait_ms` is queue, wait, ms). */
export function partsOf(text: string): string[] {
  return text.replace(/(?<=[a-z\d])(?=[A-Z])/g, ' ').match(wordPattern) ?? []
}

/** Stems of the words of `text` that are not grammar, `grammar` words left out. */
export function stemsOf(text: string): string[] {
  const found: string[] = []
  for (const part of partsOf(text)) {
    const lower = part.toLowerCase()
    if (grammar.has(lower) && part !== 'May') continue
    found.push(stem(part))
  }
  return found
}

/** True for stems that only carry a figure of `dimension`. */
export const isSoft = (word: string, dimension?: string): boolean =>
  soft.has(word) || (dimension !== undefined && (softOf[dimension]?.has(word) ?? false))

/** True for stems that tell a plan, a limit or an expectation. */
export const isPlan = (word: string): boolean => plans.has(word)

/** True for stems that name another environment or another part, which a claim has to name, too. */
export const isElsewhere = (word: string): boolean => environments.has(word) || scopes.has(word)

/** True for stems that name another environment. */
export const isEnvironment = (word: string): boolean => environments.has(word)
