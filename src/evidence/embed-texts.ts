/** Vectors for many texts: pieces of a list, a few under way at a time, as a plan. */
import { leastOf, mostOf } from '../core/budgeted-dispatch.ts'
import {
  type Dispatch,
  type RunContext,
  row,
  type VariantRef,
  type Vectors,
  vectorsOf,
} from '../core/call.ts'
import { sha256 } from '../core/hash.ts'
import { execute } from '../plan/execute.ts'
import { Limiter } from '../plan/limiter.ts'
import { constant, fanout, remote } from '../plan/node.ts'
import { embedName } from './asking.ts'
import { recipeVersion } from './reading.ts'

/** Texts of one dispatch; a longer list goes in pieces, so that it never fills the queue alone. */
const pieceTexts = 512
const piecesUnderWay = 4

/**
 * Vectors of `texts`, in order, each a Float32Array of its own.
 * @throws whatever the dispatch throws; the first error ends the other pieces, too.
 */
export async function embedTexts(
  texts: readonly string[],
  variant: VariantRef,
  context: RunContext,
  dispatch: Dispatch,
): Promise<Float32Array[]> {
  const pieces = Array.from({ length: Math.ceil(texts.length / pieceTexts) }, (_, index) =>
    pieceOf(texts.slice(index * pieceTexts, (index + 1) * pieceTexts), variant, context.reproducible),
  )
  const plan = fanout(constant(null), pieces)
  const parts = { dispatch, limiter: new Limiter(piecesUnderWay) }
  const matrices = await execute(plan, null, context, parts)
  return matrices.flatMap(matrix =>
    Array.from({ length: matrix.count }, (_, index) => row(matrix, index).slice()),
  )
}

function pieceOf(items: readonly string[], variant: VariantRef, reproducible: boolean) {
  const call = { items, options: reproducible ? { pad: 'fixed' } : {} }
  const hash = sha256(items.map(text => sha256(text)).join())
  return remote<null, Vectors>(variant, {
    name: embedName,
    version: recipeVersion,
    config: { texts: hash, reproducible },
    call: () => call,
    result: vectorsOf,
    cost: { least: leastOf({ ...call, variant }), most: mostOf({ ...call, variant }) },
    memo: false, // vectors have a cache of their own
    portable: { output: () => hash },
  })
}
