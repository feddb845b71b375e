/**
 * Looks at a written analysis before anyone relies on it: each thing it says must be about a passage that exists, in
 * figures and words that stand there, and not against the verdict. What fails is named, so that the extractive
 * analysis can stand in and say why. Pure.
 */
import { z } from 'zod'
import type { Verdict } from '../result.ts'
import type { Asked } from './ask.ts'
import { fenceLine } from './fence.ts'
import { groundOf, ungrounded, unquotable } from './grounding.ts'
import { analysisText, type CitedPassage, citedOf, unshowable } from './prose.ts'
import type { AnalysisPoint, WrittenAnalysis } from './schema.ts'
import { againstStance, contradiction, saidOf } from './wording.ts'

/** An analysis that can be shown, with the passages it cites; or why it can't. */
export type ReadAnalysis =
  | { readonly ok: true; readonly text: string; readonly cited: readonly CitedPassage[] }
  | { readonly ok: false; readonly reasons: readonly string[] }

/** What was decided, by whoever judges. */
export type Decided = { readonly verdict: Verdict; readonly leaning?: Verdict | undefined }

/** Points about one passage at most. */
const mostOfPassage = 2

/** Checks what a model wrote when it was asked `asked` about `claim`, where `decided` is the verdict. */
export function readAnalysis(parsed: unknown, asked: Asked, claim: string, decided: Decided): ReadAnalysis {
  const { data, error } = asked.analysis.schema.safeParse(parsed)
  if (data === undefined)
    return { ok: false, reasons: [`it is not of the schema: ${z.prettifyError(error)}`] }
  const cited = citedOf(data.points)
  const reasons = [
    ...data.points.flatMap((point, index) => pointFaults(point, index, asked, claim)),
    ...repeats(data.points),
    ...conclusionFaults(data, cited, asked, claim, decided),
    ...stanceFaults(data.points, decided),
  ]
  if (reasons.length > 0) return { ok: false, reasons: [...new Set(reasons)] }
  return { ok: true, text: analysisText(data, asked.passages), cited }
}

function pointFaults(
  { passage, says, stance }: AnalysisPoint,
  index: number,
  asked: Asked,
  claim: string,
): string[] {
  const what = `point ${index + 1}`
  const said = againstStance(stance, saidOf(says, claim))
  return [
    ...textFaults(what, says, asked),
    ...groundFaults(what, says, [passage], asked, claim),
    ...(said === undefined ? [] : [`${what} has the stance ${stance} and says ${said}`]),
  ]
}

function conclusionFaults(
  { conclusion }: WrittenAnalysis,
  cited: readonly CitedPassage[],
  asked: Asked,
  claim: string,
  { verdict }: Decided,
): string[] {
  const what = 'the conclusion'
  const said = contradiction(verdict, saidOf(conclusion, claim))
  const numbers = cited.map(({ passage }) => passage)
  return [
    ...textFaults(what, conclusion, asked),
    ...groundFaults(what, conclusion, numbers, asked, claim),
    ...(said === undefined ? [] : [`${what} says ${said} where the verdict is ${verdict}`]),
  ]
}

/** What no text may hold, whatever it is about. */
function textFaults(what: string, text: string, { analysis, key, labels, system }: Asked): string[] {
  if (text.trim() === '') return [`${what} is empty`]
  const faults: string[] = []
  const odd = unshowable.exec(text)?.[0].codePointAt(0)
  if (odd !== undefined) faults.push(`${what} holds the character U+${hex(odd)}, which can't be shown`)
  if (!text.isWellFormed()) faults.push(`${what} holds half of a character`)
  if (text.toLowerCase().includes(key) || fenceLine.test(text)) faults.push(`${what} repeats a fence`)
  if (repeatsWords(text, [system, analysis.prompt, labels.prompt]))
    faults.push(`${what} repeats its instructions`)
  return faults
}

const hex = (code: number): string => code.toString(16).toUpperCase().padStart(4, '0')

/** As many words in a row are no chance. */
const repeatedWords = 8

function repeatsWords(text: string, instructions: readonly string[]): boolean {
  const words = wordsOf(text)
  const known = instructions.map(instruction => ` ${wordsOf(instruction).join(' ')} `)
  return words.some((_, start) => {
    const run = words.slice(start, start + repeatedWords)
    return (
      run.length === repeatedWords && known.some(instruction => instruction.includes(` ${run.join(' ')} `))
    )
  })
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []

/** Marks of passages first, which are numbers that stand nowhere; then all else that must stand in them. */
function groundFaults(
  what: string,
  text: string,
  numbers: readonly number[],
  { passages }: Asked,
  claim: string,
): string[] {
  const faults: string[] = []
  const unmarked = text.replace(/\[(\d+)\]|\bpassages? (\d+)(?:(?:, | and |, and )\d+)*/gi, whole => {
    for (const number of whole.match(/\d+/g) ?? [])
      if (!numbers.includes(Number(number)))
        faults.push(`${what} names passage ${number}, which it is not about`)
    return ' '
  })
  const ground = groundOf([claim, ...numbers.map(number => passages[number - 1]?.text ?? '')])
  const where = numbers.length === 1 ? `passage ${numbers[0]}` : 'the passages cited'
  return [
    ...faults,
    ...ungrounded(unmarked, ground).map(found => `${what} states ${shown(found)}, which is not in ${where}`),
    ...unquotable(unmarked, ground).map(found => `${what} quotes ${shown(found)}, which is not in ${where}`),
  ]
}

const shown = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)

/** A passage that is used too often, on two sides, or twice for the same. */
function repeats(points: readonly AnalysisPoint[]): string[] {
  return points.flatMap(({ passage, says, stance }, index) => {
    const before = points.slice(0, index)
    const same = before.filter(other => other.passage === passage)
    if (before.some(other => sameWords(other.says, says)))
      return [`point ${index + 1} says what an earlier one says`]
    if (same.some(other => other.stance !== stance)) return [`passage ${passage} is on two sides`]
    if (same.length === mostOfPassage)
      return [`more than ${mostOfPassage} points are about passage ${passage}`]
    return []
  })
}

const sameWords = (a: string, b: string): boolean => wordsOf(a).join(' ') === wordsOf(b).join(' ')

function stanceFaults(points: readonly AnalysisPoint[], { leaning, verdict }: Decided): string[] {
  const count = (stance: AnalysisPoint['stance']) => points.filter(point => point.stance === stance).length
  const [supports, refutes] = [count('supports'), count('refutes')]
  const fault = (why: string) => [`the verdict is ${verdict} and ${why}`]
  if (verdict === 'supported')
    return supports > refutes
      ? []
      : fault(supports === 0 ? 'no point supports' : 'no more points support than refute')
  if (verdict === 'refuted')
    return refutes > supports
      ? []
      : fault(refutes === 0 ? 'no point refutes' : 'no more points refute than support')
  if (verdict === 'disputed')
    return supports > 0 && refutes > 0 ? [] : fault(`no point ${supports === 0 ? 'supports' : 'refutes'}`)
  if (supports === points.length && leaning !== 'supported') return fault('every point supports')
  if (refutes === points.length && leaning !== 'refuted') return fault('every point refutes')
  return []
}
