/**
 * What the command line says of a model folder: how large, how quantised, what it takes in memory here and
 * whether that fits. For `prepare` and `doctor`; nothing is loaded.
 */
import { totalmem } from 'node:os'
import { RunnerError } from '../core/errors.ts'
import { generatorAt, type ModelDevice, projectionOf } from '../models/generator.ts'
import { readModelFolder } from '../models/model-folder.ts'
import type { Finding } from '../setup/doctor.ts'
import { type HubOptions, locateModel } from '../setup/hub.ts'

/** A machine's memory, as far as a model can have it. */
export type Memory = { readonly device: ModelDevice; readonly bytes: number }

/** A model folder in figures. */
export type ModelFacts = {
  /** On disk. */
  readonly bytes: number
  /** Bits a weight, of a quantised model. */
  readonly bits: number | null
  readonly contextTokens: number | null
  readonly device: ModelDevice
  /** What its weights take in memory here; what a conversation takes comes on top. */
  readonly memoryBytes: number
  readonly fits: boolean
}

/** Of a Mac's memory the GPU may use about so much; the rest is the system's. */
const metalShare = 0.7

/** What this machine has for a model. */
export const memoryHere = (): Memory =>
  process.platform === 'darwin'
    ? { device: 'metal', bytes: totalmem() * metalShare }
    : // Of a container, what is left within its limit.
      { device: 'cpu', bytes: process.availableMemory() }

/**
 * A model folder in figures.
 * @throws ModelError ER_MODEL_LOAD for a folder that can't be used, with the reason.
 */
export async function modelFactsOf(folder: string, memory: Memory = memoryHere()): Promise<ModelFacts> {
  const model = await readModelFolder(folder)
  const memoryBytes = projectionOf(model, memory.device)
  return {
    bytes: model.bytes,
    bits: model.quantization?.bits ?? null,
    contextTokens: model.contextTokens ?? null,
    device: memory.device,
    memoryBytes,
    fits: memoryBytes <= memory.bytes,
  }
}

/** The same in words, such as `2,263 MB on disk, 4-bit; takes 2,263 MB of memory`. */
export function inWords(facts: ModelFacts, memory: Memory = memoryHere()): string {
  const { bits, bytes, device, fits, memoryBytes } = facts
  const kind = bits === null ? 'not quantised' : `${bits}-bit`
  const unfolded = device === 'cpu' && memoryBytes > bytes * 1.1 ? ', as float32 on the CPU' : ''
  const room = fits ? '' : `, more than the ${megabytes(memory.bytes)} that are free for it here`
  return `${megabytes(bytes)} on disk, ${kind}; takes ${megabytes(memoryBytes)} of memory${unfolded}${room}`
}

/** A size for people. */
export const megabytes = (bytes: number): string =>
  `${(bytes / 2 ** 20).toLocaleString('en-GB', { maximumFractionDigits: bytes < 100 * 2 ** 20 ? 1 : 0 })} MB`

/** Which model to examine, and what it is for. */
export type ExamineModelOptions = HubOptions & {
  /** A generator must be a language model as well. */
  readonly role: 'generator' | 'encoder' | 'verifier'
  readonly memory?: Memory
}

/** The doctor's findings about a model that a person names: whether it is here, whole, ours to run, and fits. */
export async function examineModel(name: string, options: ExamineModelOptions): Promise<Finding[]> {
  const { role, memory = memoryHere() } = options
  const label = { generator: 'Generator', encoder: 'Encoder', verifier: 'Verifier' }[role]
  try {
    const { folder, pinned } = await locateModel(name, options)
    if (role === 'generator') await generatorAt(folder)
    const facts = await modelFactsOf(folder, memory)
    const fits = { name: `${label} memory`, ok: facts.fits, detail: inWords(facts, memory) }
    const smaller = facts.bits === null && facts.device === 'metal' ? 'a quantised model' : 'a smaller model'
    return [
      { name: label, ok: true, detail: `${pinned}, whole, runs no code of its own` },
      facts.fits ? fits : { ...fits, mend: `use ${smaller}` },
    ]
  } catch (error) {
    if (!(error instanceof RunnerError)) throw error
    const [, mend] = /run `([^`]+)`/.exec(error.message) ?? []
    const finding = { name: label, ok: false, detail: error.message }
    return [mend === undefined ? finding : { ...finding, mend }]
  }
}

/** The models that a command line may name. */
export type NamedModels = {
  readonly generator?: string | undefined
  readonly encoder?: string | undefined
  readonly verifier?: string | undefined
}

/** `examineModel` of each model that is named. */
export async function examineModels(models: NamedModels, options: HubOptions = {}): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const role of ['generator', 'encoder', 'verifier'] as const) {
    const name = models[role]
    if (name !== undefined) findings.push(...(await examineModel(name, { ...options, role })))
  }
  return findings
}
