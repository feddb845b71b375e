/** Vectors for many texts: pieces of a list, a few under way at a time, as a plan. */
import { leastOf, mostOf } from '../core/budgeted-dispatch.ts'
import { type Dispatch, type RunContext, row, type Vectors, vectorsOf } from '../core/call.ts'
import { InputError } from '../core/errors.ts'
import { sha256 } from '../core/hash.ts'
import { type EncoderRef, roleOptions, type TextRole } from '../models/encoder.ts'
import { execute } from '../plan/execute.ts'
import { Limiter } from '../plan/limiter.ts'
import { constant, fanout, remote } from '../plan/node.ts'
import { embedName } from './asking.ts'
import { recipeVersion } from './reading.ts'

/** Texts of one dispatch; a longer list goes in pieces, so that it never fills the queue alone. */
const pieceTexts = 512
const piecesUnderWay = 4

const longestText = 1_000_000

/** @throws InputError ER_INPUT for what is no list of texts. */
export function checkTexts(texts: unknown): void {
  if (!Array.isArray(texts))
    throw new InputError('ER_INPUT', 'Invalid request: embed takes an array of texts')
  const wrong = texts.findIndex(text => typeof text !== 'string' || text.length > longestText)
  if (wrong < 0) return
  throw new InputError(
    'ER_INPUT',
    `Invalid request: text ${wrong} is not a string of at most ${longestText} characters`,
  )
}

/**
 * Vectors of `texts`, in order, each a Float32Array of its own.
 * @throws whatever the dispatch throws; the first error ends the other pieces, too.
 */
export async function embedTexts(
  texts: readonly string[],
  variant: EncoderRef,
  context: RunContext,
  dispatch: Dispatch,
  role?: TextRole,
): Promise<Float32Array[]> {
  const options = {
    ...(context.reproducible ? { pad: 'fixed' } : {}),
    ...(role === undefined ? {} : roleOptions(variant, role)),
  }
  const pieces = Array.from({ length: Math.ceil(texts.length / pieceTexts) }, (_, index) =>
    pieceOf(texts.slice(index * pieceTexts, (index + 1) * pieceTexts), variant, options),
  )
  const plan = fanout(constant(null), pieces)
  const parts = { dispatch, limiter: new Limiter(piecesUnderWay) }
  const matrices = await execute(plan, null, context, parts)
  return matrices.flatMap(matrix =>
    Array.from({ length: matrix.count }, (_, index) => row(matrix, index).slice()),
  )
}

function pieceOf(
  items: readonly string[],
  variant: EncoderRef,
  options: { readonly pad?: string; readonly as?: TextRole },
) {
  const call = { items, options }
  const hash = sha256(items.map(text => sha256(text)).join())
  return remote<null, Vectors>(variant, {
    name: embedName,
    version: recipeVersion,
    config: { texts: hash, reproducible: options.pad !== undefined, as: options.as },
    call: () => call,
    result: vectorsOf,
    cost: { least: leastOf({ ...call, variant }), most: mostOf({ ...call, variant }) },
    memo: false, // vectors have a cache of their own
    portable: { output: () => hash },
  })
}
