/**
 * What a message asks for: one claim with its sources, or many, as a data part or as JSON text. Nothing in a
 * message names a file or an address to read: parts that are bytes or links are refused.
 */
import type { Message } from '@a2a-js/sdk'
import { InputError } from '../core/errors.ts'
import { type EnhanceOptions, type EvidenceContext, parseContext, parseOptions } from '../evidence/request.ts'

/** Checked work of one task. */
export type Job = {
  readonly contexts: readonly EvidenceContext[]
  /** False for one claim by itself, true for `claims: […]`, however many they are. */
  readonly many: boolean
  readonly options: EnhanceOptions
}

/** What can be said of a run over the wire. */
const namesOfOptions = ['timeoutMs', 'priority', 'reproducible', 'budget', 'strategy', 'hints']

const wanted = 'send one data part { claim, sources: [{ content }] } or { claims: [{ claim, sources }, …] }'

/**
 * @param taskId names claims that bring no taskId of their own.
 * @throws InputError ER_INPUT naming what is wrong.
 */
export function jobOf(message: Message, taskId: string, mostClaims: number): Job {
  const { claims, options: run, ...one } = dataOf(message)
  const options = optionsOf(run)
  if (claims === undefined) {
    const context = { taskId, ...one } as EvidenceContext
    parseContext(context)
    return { contexts: [context], many: false, options }
  }
  const beside = Object.keys(one)
  if (beside.length > 0) throw wrong(`beside claims there is ${beside.join(', ')}; ${wanted}`)
  if (!Array.isArray(claims) || claims.length === 0) throw wrong('claims must be an array with a claim in it')
  if (claims.length > mostClaims)
    throw wrong(`${claims.length} claims; send at most ${mostClaims} in one message`)
  const contexts = claims.map((claim: unknown, index) => {
    if (!isRecord(claim)) throw wrong(`claims[${index}] is no object { claim, sources }`)
    return { taskId: `${taskId}-${index + 1}`, ...claim } as EvidenceContext
  })
  return { contexts, many: true, options }
}

function dataOf({ parts }: Message): Record<string, unknown> {
  const foreign = parts.find(({ content }) => content?.$case === 'raw' || content?.$case === 'url')
  if (foreign !== undefined) throw wrong(`it holds a file or a link, which is not read; ${wanted}`)
  const data = parts.flatMap(({ content }) => (content?.$case === 'data' ? [content.value] : []))
  if (data.length > 1) throw wrong(`it holds ${data.length} data parts; ${wanted}`)
  const value = data.length === 1 ? data[0] : textAsData(parts)
  if (!isRecord(value)) throw wrong(`its data is no object; ${wanted}`)
  return value
}

function textAsData(parts: Message['parts']): unknown {
  const text = parts.flatMap(({ content }) => (content?.$case === 'text' ? [content.value] : [])).join('')
  if (text.trim() === '') throw wrong(`it is empty; ${wanted}`)
  try {
    return JSON.parse(text)
  } catch {
    throw wrong(`it has no data part and its text is not JSON; ${wanted}`)
  }
}

function optionsOf(run: unknown): EnhanceOptions {
  if (run === undefined) return {}
  if (!isRecord(run)) throw wrong('options is no object')
  const foreign = Object.keys(run).find(name => !namesOfOptions.includes(name))
  if (foreign !== undefined)
    throw wrong(`options.${foreign} is not known here; there are ${namesOfOptions.join(', ')}`)
  return parseOptions(run)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const wrong = (what: string): InputError => new InputError('ER_INPUT', `Invalid message: ${what}`)
