/** Claims that a version has or lacks something, against ranges: since, up to, fixed in, needs at least. */
import type { Candidate } from './candidate.ts'
import { compareVersions } from './interval.ts'
import { versionOf } from './quantity.ts'
import type { Read, Scene } from './scene.ts'
import type { Figure, Statement } from './statement.ts'

/** A version, whether something good is said of it, and whether that is about a flaw. */
export type VersionClaim = {
  readonly version: readonly number[]
  readonly good: boolean
  readonly flaw: boolean
}

const bad =
  /\b(?:affected|vulnerable|exposed|loses?|lost|broken|breaks?|crash(?:es)?|fails?|faulty?|bug|present|suffers?|unsupported|refused?|rejected|too old|deprecated|lacks?|cannot|can ?not|can't|doesn't|does not|don't|do not|not|no longer|without|gone|missing|removed|incompatible)\b/i
const harmed =
  /\b(?:affect(?:ed|s)|vulnerable|exposed|flaw|bug|fault|problem|hole|vulnerability|broken|crash(?:es)?|leak|defect)\b/i
const good =
  /\b(?:safe|fixed|fix|works?|runs?|can|supported|supports|compatible|has|have|includes?|contain(?:s|ed)?|accepted|opens?|starts?|started|new enough|enough|suffices|available|comes with|ships with|retried|free of|may)\b/i

/** What `claim` says of one version; undefined where it names none or several. */
export function versionIn({ text, figures, terms }: Statement): VersionClaim | undefined {
  const given = figures.filter(figure => figure.quantity.dimension === 'version')
  const [only] = given
  const named =
    only === undefined
      ? namedVersion(
          terms.map(term => term.text),
          text,
        )
      : undefined
  const version = only?.quantity.version ?? named
  if (version === undefined || given.length > 1) return undefined
  const mends = /\b(?:fix(?:ed|es)?|solved|repaired|patched|resolved)\b/i.test(text)
  const [isBad, isGood] = [bad.test(text) && !mends, good.test(text) || mends]
  if (!isBad && !isGood) return undefined
  const denied = /\b(?:not|no longer|n't|isn't|never) (?:\w+ )?(?:affected|vulnerable|exposed)\b/i.test(text)
  return { version, good: denied || !isBad, flaw: harmed.test(text) }
}

function namedVersion(names: readonly string[], text: string): readonly number[] | undefined {
  const found = names.filter(name => /^\d{1,3}$/.test(name))
  if (
    found.length !== 1 ||
    !/\b(?:java|python|node|kernel|android|ios|php|ruby|go|windows|macos|ubuntu|postgres(?:ql)?|driver|editor|protocol|version|firmware) \d/i.test(
      text,
    )
  )
    return undefined
  return [Number(found[0])]
}

/** What the ranges of `scene` would say to the version. */
export function versionCandidates(claim: VersionClaim, scene: Scene): Candidate[] {
  return scene.reads.flatMap(read =>
    versionsIn(read).flatMap((figure): Candidate[] => {
      const version =
        figure.quantity.version ??
        (/^\d{1,3}$/.test(figure.quantity.text) ? [Number(figure.quantity.text)] : undefined)
      if (version === undefined) return []
      const holds = goodAt(claim.version, version, figure, read, claim.flaw)
      if (holds === undefined) return []
      return [
        {
          kind: 'version',
          stance: holds === claim.good ? 'supports' : 'refutes',
          reads: [read],
          part: undefined,
          found: read.text.slice(figure.start, figure.end),
        },
      ]
    }),
  )
}

/** Whether something good holds of `wanted` by what is said of `given`; undefined where nothing follows. */
function goodAt(
  wanted: readonly number[],
  given: readonly number[],
  figure: Figure,
  read: Read,
  flaw: boolean,
): boolean | undefined {
  const before = read.text.slice(Math.max(0, figure.start - 48), figure.start)
  const after = read.text.slice(figure.end, figure.end + 24)
  const place = compareVersions(wanted, given)
  const last = /^ (?:through|to|up to|until|till|–|-) (?:and including )?v?(\d+(?:\.\d+)+)/.exec(after)?.[1]
  if (last !== undefined && harmed.test(read.text))
    return place < 0 || compareVersions(wanted, versionOf(last).version ?? []) > 0
  // The end of such a range is read with its beginning.
  if (/\d (?:through|to|up to|until|till|–|-) (?:and including )?$/.test(before) && harmed.test(read.text))
    return undefined
  if (
    flaw &&
    /\b(?:removed|eliminated|closed|gone|cured|mended) (?:in|with|since|from|as of) (?:version |release )?$/i.test(
      before,
    )
  )
    return place >= 0
  if (
    /\b(?:fixed|repaired|solved|resolved|patched|corrected|gone|safe) (?:in|with|since|from|as of)\s+(?:version |release )?$/i.test(
      before,
    )
  )
    return sameBranch(wanted, given, before) ? place >= 0 : undefined
  if (/\b(?:needs?|requires?|wants?|at least|minimum(?: of)?|no older than)\b[^.;]{0,24}$/i.test(before)) {
    if (
      /\bat least\b|\bminimum\b|\bno older\b/i.test(before) ||
      /^ ?(?:or|and) (?:newer|later|above|higher|up)|^\+/i.test(after)
    )
      return place >= 0
    return undefined
  }
  if (/\b(?:affected|vulnerable|affects)\b/i.test(before) && !/\bnot affected\b/i.test(before)) {
    if (/\b(?:up to(?: and including)?|through|to|and earlier|until)\s+$/i.test(before))
      return place > 0 ? true : undefined
    if (/\b(?:before|below|older than|earlier than|prior to)\s+$/i.test(before)) return place >= 0
    if (/^ (?:and|or) (?:earlier|older|below)/i.test(after)) return place > 0
  }
  if (/^ (?:and|or) (?:earlier|older|below)\b.{0,16}\baffected/i.test(after)) return place > 0
  if (
    /\b(?:before|below|older than|earlier than|prior to)\s+$/i.test(before) &&
    /\b(?:affected|vulnerable|can be|crash|fail)\b/i.test(read.text)
  )
    return place >= 0
  if (/^ (?:and|or) (?:newer|later|above|up|upwards)\b/i.test(after)) {
    if (bad.test(read.text))
      return /\bnot affected\b/i.test(before)
        ? place >= 0
          ? true
          : undefined
        : place >= 0
          ? false
          : undefined
    return place >= 0
  }
  if (/\b(?:since|as of|from|starting with)\s+(?:version |release )?$/i.test(before) && !bad.test(read.text))
    return place >= 0
  return undefined
}

/** Versions, and numbers that name one: "Node 22". */
function versionsIn(read: Read): readonly Figure[] {
  const [part] = read.parts
  const named = read.terms.filter(({ sort, key }) => sort === 'name' && /^\d{1,3}$/.test(key))
  const made = named.flatMap(({ start, end, key }): Figure[] =>
    part === undefined
      ? []
      : [
          {
            start,
            end,
            part,
            quantity: versionOf(key),
            comparison: 'exact',
            statistic: 'plain',
            negated: false,
          },
        ],
  )
  return [...read.figures, ...made]
}

const sameBranch = (wanted: readonly number[], given: readonly number[], before: string): boolean =>
  wanted[0] === given[0] || !/\bbranch\b/i.test(before)
