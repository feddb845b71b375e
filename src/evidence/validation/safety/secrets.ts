/**
 * Secrets that should not stand in a source: keys and tokens that show their maker by their form, private keys,
 * credentials in headers and addresses, and values that are named a secret and look like one.
 *
 * A form says that something looks like a key, never that it is valid; nothing is asked of anyone.
 */
import { type Found, matchAt, patternRule, type Rule } from './rule.ts'
import { isHex, isPassword, isPlaceholder, isRandom } from './secret-value.ts'

/** The rules for secrets. */
export function secretRules(): Rule[] {
  return [...tokenRules(), privateKey(), ...headerRules(), addressRule(), namedRule(), saidRule()]
}

/** Name, how it begins, and the rest as a pattern. The forms are public: their makers document them. */
const tokens: readonly [what: string, begins: readonly string[], rest: string][] = [
  ['an AWS access key', ['AKIA', 'ASIA', 'ABIA', 'ACCA'], '[A-Z0-9]{16}'],
  ['a Google API key', ['AIza'], '[\\w-]{35}'],
  ['a Google OAuth secret', ['GOCSPX-'], '[\\w-]{28}'],
  ['a Google access token', ['ya29.'], '[\\w-]{20,400}'],
  ['a GitHub token', ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], '[A-Za-z0-9]{36,255}'],
  ['a GitHub token', ['github_pat_'], '\\w{36,255}'],
  ['a GitLab token', ['glpat-', 'gldt-', 'glrt-'], '[\\w-]{20,64}'],
  ['a Slack token', ['xoxa-', 'xoxb-', 'xoxp-', 'xoxr-', 'xoxs-', 'xoxe-'], '[\\w-]{20,255}'],
  ['a Slack token', ['xapp-'], '\\d-[\\w-]{20,255}'],
  ['a Slack webhook', ['https://hooks.slack.com/services/'], 'T\\w{6,14}/B\\w{6,14}/\\w{16,32}'],
  ['a Stripe key', ['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_'], '[A-Za-z0-9]{16,255}'],
  ['a webhook secret', ['whsec_'], '[A-Za-z0-9+/]{24,88}'],
  ['an OpenAI key', ['sk-proj-', 'sk-svcacct-', 'sk-admin-'], '[\\w-]{32,255}'],
  ['an Anthropic key', ['sk-ant-'], '[\\w-]{32,255}'],
  ['a Hugging Face token', ['hf_'], '[A-Za-z0-9]{30,40}'],
  ['an npm token', ['npm_'], '[A-Za-z0-9]{36}'],
  ['a PyPI token', ['pypi-'], '[\\w-]{50,300}'],
  ['a SendGrid key', ['SG.'], '[\\w-]{16,32}\\.[\\w-]{32,64}'],
  ['a DigitalOcean token', ['dop_v1_', 'doo_v1_', 'dor_v1_'], '[a-f0-9]{64}'],
  ['a Shopify token', ['shpat_', 'shpca_', 'shppa_', 'shpss_'], '[A-Fa-f0-9]{32}'],
  ['a Vault token', ['hvs.', 'hvb.'], '[\\w-]{24,255}'],
  ['a Databricks token', ['dapi'], '[a-f0-9]{32}'],
  ['an age key', ['AGE-SECRET-KEY-1'], '[A-Z0-9]{58}'],
  ['a JSON web token', ['eyJ'], '[\\w-]{8,4096}\\.eyJ[\\w-]{8,8192}\\.[\\w-]{16,1024}'],
]

function tokenRules(): Rule[] {
  return tokens.map(([what, begins, rest]) => {
    const start = begins.map(escaped).join('|')
    // Both ends must be free: inside a longer word, such as base 64 of a picture, it is chance.
    const pattern = new RegExp(`(?<![\\w+/.-])(?:${start})${rest}(?![\\w+/])`, 'y')
    const anchors = begins.map(begin => begin.toLowerCase())
    const accept = (text: string, { start, end }: Found) => !isPlaceholder(text.slice(start, end))
    return { ...patternRule('secret', what, anchors, pattern, accept), rank: 0 }
  })
}

const escaped = (text: string): string => text.replace(/[.+*?^$()[\]{}|\\/]/g, '\\$&')

/** A key's text ends within this. */
const longestKey = 8192

function privateKey(): Rule {
  const begin = /-----BEGIN (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|\s){1,8}[\w+/-]{12}/y
  return {
    kind: 'secret',
    what: 'a private key',
    anchors: ['-----begin '],
    rank: 0,
    find: (text, at) => {
      const found = matchAt(begin, text, at)
      if (found === undefined) return undefined
      const end = text.slice(found.end, found.end + longestKey).search(/-----END [A-Z0-9 ]{1,60}-----/)
      return { start: at, end: end < 0 ? found.end : found.end + end }
    },
  }
}

function headerRules(): Rule[] {
  return [
    patternRule(
      'secret',
      'a bearer token',
      ['bearer'],
      /(?<![\w-])bearer[ \t]{1,4}([\w.~+/-]{20,2000}={0,2})/iy,
      (text, { start, end }) => isRandom(text.slice(start, end)),
    ),
    patternRule(
      'secret',
      'a name and password in a header',
      ['authorization'],
      /authorization["']?[ \t]{0,4}[:=][ \t]{0,4}["']?basic[ \t]{1,4}([A-Za-z0-9+/]{8,500}={0,2})/iy,
      (text, { start, end }) => holdsPair(text.slice(start, end)),
    ),
    patternRule(
      'secret',
      'an Azure access signature',
      ['sig='],
      /(?<=[?&;])sig=([\w%+/-]{43,90}(?:%3D|=))/iy,
      (text, { start, end }) => isRandom(text.slice(start, end)),
    ),
  ]
}

/** Whether base 64 holds a name, a colon and a password. */
const holdsPair = (encoded: string): boolean =>
  /^[\x20-\x7e]{1,200}:[\x20-\x7e]{1,200}$/.test(Buffer.from(encoded, 'base64').toString('latin1'))

function addressRule(): Rule {
  return patternRule(
    'secret',
    'a password in an address',
    ['://'],
    /:\/\/[^\s:@/?#"'<>]{0,100}:([^\s:@/"'<>]{3,200})@[\w[]/y,
    (text, { start, end }) => !isPlaceholder(text.slice(start, end)),
  )
}

const passwordNames = ['password', 'passwd', 'passphrase', 'passwort', 'pwd'] as const
const keyNames = [
  ...['secret', 'token', 'api_key', 'api-key', 'apikey', 'access_key', 'access-key', 'accesskey'],
  ...[
    'account_key',
    'accountkey',
    'api key',
    'access key',
    'secret key',
    'auth_key',
    'authkey',
    'secret_key',
    'secretkey',
    'private_key',
  ],
  ...['privatekey', 'signing_key', 'encryption_key', 'master_key', 'credential', 'credentials'],
]
const names = [...passwordNames, ...keyNames]

/** Tokens that are no secret: places in a list, parts of a text, numbers of a request. */
const harmless =
  /(?:page|next|prev|previous|cursor|continuation|sync|csrf|xsrf|cancel(?:lation)?|request|trace|span|correlation|public|shard|partition|sort|idempotency|stop|eos|bos|pad|unk|sep|cls|mask|special|lock|fencing|resume|start|end|push|device|client_request|per)[_.-]?$/i

/** `password = "…"`, `"api_key": "…"`, `token: …`, `&secret=…`. */
function namedRule(): Rule {
  const value = new RegExp(
    `(?:${names.join('|')})["'\`\\]]{0,2}[ \\t]{0,8}(?:=>|:=|==?|:)[ \\t]{0,8}["'\`]?` +
      `([^\\s"'\`,;<>&(){}[\\]]{6,200})`,
    'iy',
  )
  return namedValue('a password or key by its name', value)
}

/** `the password is …`, `our token for staging: …`; the value is the first word with a digit or a rare sign. */
function saidRule(): Rule {
  const value = new RegExp(
    `(?:${names.join('|')})(?:[ \\t]{1,3}[a-z]{2,12}){1,4}?[:=]?[ \\t]{1,3}["'\`]?` +
      `(?=[^\\s"'\`,;<>&(){}[\\]]{0,60}[\\d!@#$%^*+=~])([^\\s"'\`,;<>&(){}[\\]]{6,200})`,
    'iy',
  )
  return namedValue('a password or key in a sentence', value, said)
}

/** A value after a name; `accept` is asked beside what the name itself demands. */
function namedValue(
  what: string,
  pattern: RegExp,
  accept: (value: string, between: string) => boolean = () => true,
): Rule {
  return {
    kind: 'secret',
    what,
    anchors: names,
    find: (text, at) => {
      const found = matchAt(pattern, text, at)
      // What a bracket follows is called or looked up: `password = readPassword1(…)`.
      if (found === undefined || /[([{]/.test(text.charAt(found.end))) return undefined
      if (harmless.test(text.slice(Math.max(0, at - 20), at))) return undefined
      const value = text.slice(found.start, found.end).replace(/[.:!?]{1,3}$/, '')
      if (!accept(value, text.slice(at, found.start)) || !isSecret(value, text, at)) return undefined
      return { start: found.start, end: found.start + value.length }
    },
  }
}

/** In a sentence most values are words: only what follows "is" may be a chosen password. */
const said = (value: string, between: string): boolean =>
  isRandom(value) ? !isHex(value) : /\b(?:is|was|to)[:=]?[ \t]{1,3}["'`]?$/i.test(between)

const leastHexKey = 32

function isSecret(value: string, text: string, at: number): boolean {
  const name = text.slice(at, at + 'passphrase'.length).toLowerCase()
  if (passwordNames.some(other => name.startsWith(other)) && isPassword(value)) return true
  return isRandom(value) && (!isHex(value) || value.length >= leastHexKey)
}
