/** What the product needs from outside its room, each a small interface. */
import type { Call, Dispatch, VariantRef } from '../core/call.ts'
import type { Telemetry } from '../core/telemetry.ts'
import type { EncoderRef } from '../models/encoder.ts'
import type { MemoStore, Profiles, TraceSink } from '../plan/ports.ts'
import type { CheckFigures } from './figure-check.ts'
import type { WorkerHealth } from './health.ts'
import type { Judges } from './judges.ts'
import type { PromptLibrary } from './prompts/library.ts'
import type { Tabulate } from './reading.ts'
import type { KeptPassages } from './vectors/kept-passages.ts'

/** What the enhancer is made of; `runner.ts` puts it together. */
export type EnhancerParts = {
  readonly dispatch: Dispatch
  readonly tabulate: Tabulate
  readonly figures: CheckFigures
  readonly encoder: () => Promise<EncoderRef>
  /** Who writes analyses; undefined where no language model is configured. */
  readonly generator: () => Promise<VariantRef | undefined>
  /** What it is asked with. */
  readonly prompts: PromptLibrary
  /** Who says what passages say, where this encoder makes the vectors; none of it without an encoder. */
  readonly judges: (encoder: VariantRef | undefined) => Promise<Judges>
  readonly telemetry: Telemetry
  readonly workerHealth: () => WorkerHealth
  readonly version: string
  /** Where traces go; without one, none is kept. */
  readonly traces?: TraceSink | undefined
  /** Where measured figures are kept, and those of earlier runs found. */
  readonly profiles?: Profiles | undefined
  /** Where findings are kept for other processes. */
  readonly memo?: MemoStore | undefined
  /** Those of a call's texts whose vectors are not kept. */
  readonly uncached: (call: Call) => readonly string[]
  /** Keeps a vector that a call would give for a text and that is known already. */
  readonly prime?: (call: Pick<Call, 'variant' | 'options'>, text: string, vector: Float32Array) => void
  /** Passages from request to request; without it, none are kept. */
  readonly kept?: KeptPassages | undefined
  /** How busy the workers are, 0 to 1, for the adaptive strategy. */
  readonly load: () => number
  readonly close: () => Promise<void>
}
