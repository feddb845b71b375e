/** Whether a value could be a secret: random, or chosen as a password, and no placeholder or name for one. */

/** Stands for a secret without being one. */
const placeholder =
  /^(?:[<$%{[(*#].*|your.*|my[_-].*|(?:an?|the|some)[_-].*|.*example.*|.*placeholder.*|.*redacted.*|.*removed.*|.*masked.*|.*hidden.*|(?:change|replace|insert|enter|put|fill)[_-]?.*|(?:sample|dummy|fake|test|demo|todo|tbd|foo|bar).*|pass(?:word|wd|phrase)?\d{0,4}|pwd|secret\d{0,4}|token\d{0,4}|none|null|nil|undefined|true|false|required|optional|disabled|enabled|unset|empty|missing|.*\*{3}.*|.*x{4}.*|.*\.{3}.*)$/i

/** True for what stands in a secret's place: `<password>`, `your-key-here`, `****`, `${TOKEN}`. */
export function isPlaceholder(value: string): boolean {
  return placeholder.test(value.slice(0, 80)) || new Set(value.slice(0, 80)).size <= 4
}

const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i
const digest = /^(?:sha-?\d+|md5|blake\w*|argon2\w*|bcrypt|scrypt|pbkdf2)(?![A-Za-z])/i
/** A segment this long of letters and digits mixed is no word, version or name of a machine. */
const leastMixed = 12
const leastRandom = 16
/** Bits a character. Words have about 3 at this length, base 64 of random bytes 4 and more. */
const leastEntropy = 3.5
const leastHexEntropy = 3

/** A name in parts, as `config.database.password2`, or an address. */
const reference = /^(?:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$|[a-z][a-z0-9+]{1,10}:\/\/)/i

/** True for what looks drawn at random: long, mixed, and spread over many characters. */
export function isRandom(value: string): boolean {
  if (value.length < leastRandom || uuid.test(value) || digest.test(value)) return false
  if (/^\d+$/.test(value) || reference.test(value) || isPlaceholder(value)) return false
  if (/^[\da-f]+$/i.test(value)) return /[a-f]/i.test(value) && entropyOf(value) >= leastHexEntropy
  const mixed = value
    .split(/[-_./:\\]+/)
    .some(part => part.length >= leastMixed && /\d/.test(part) && /[A-Za-z]/.test(part))
  return mixed && entropyOf(value) >= leastEntropy
}

/** True for pure hexadecimal digits, which are as often a hash of something public. */
export const isHex = (value: string): boolean => /^[\da-f]+$/i.test(value)

/** True for what a person may have chosen as a password: letters with digits or with rare signs. */
export function isPassword(value: string): boolean {
  if (value.length < 6 || isPlaceholder(value) || digest.test(value) || uuid.test(value)) return false
  // Paths, versions.
  if (reference.test(value) || /^(?:[/~.\\]|[A-Za-z]:[\\/]|v?\d+(?:\.\d+)+$)/.test(value)) return false
  if (!/[A-Za-z]/.test(value)) return /^\d{6,12}$/.test(value)
  // Names in parts, as `db-password-v2`, are mostly names.
  if (/^[a-z]+\d{0,4}(?:[-_][a-z]*\d{0,4})+$/i.test(value)) return false
  return /[\d!@#$%^*+=~?|\\]/.test(value)
}

/** Shannon's entropy of the characters, in bits a character. */
export function entropyOf(value: string): number {
  const counts = new Map<string, number>()
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length)
  return bits
}
