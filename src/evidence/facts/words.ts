/**
 * Stems of words, and which of them name another environment. English; of another language a word is its own
 * stem but for a few endings.
 */
const list = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/).filter(Boolean))

/** The words as they are and as stems. */
function stemmed(text: string): ReadonlySet<string> {
  return new Set([...list(text)].flatMap(word => [word, cutEnding(word)]))
}

const environments = stemmed(`stag staging dev development qa sandbox canary preview beta loadtest benchmark
  formerly rehears rehearsal simulat drill mock demo uat preprod shadow sidecar`)

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

/** True for stems that name another environment. */
export const isEnvironment = (word: string): boolean => environments.has(word)
