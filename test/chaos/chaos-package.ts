/**
 * A package folder whose worker is chaos_worker.py, and the trigger that makes it misbehave. The first process
 * that is started from it is the one that gets struck; where the fault is one of boot, the next that is
 * started after the pool's first ones has it; all others behave.
 */
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Launch } from '../../src/pool/spawn.ts'
import { until } from '../support/condition.ts'
import { python } from '../support/echo-pool.ts'
import type { Cell } from './faults.ts'

/** How a worker behaves; see chaos_worker.py. */
export type Role = 'calm' | 'struck' | 'late'

export class ChaosPackage {
  readonly #folder = mkdtempSync(join(tmpdir(), 'evidence-runner-chaos-'))
  readonly #cell: Cell

  constructor(cell: Cell) {
    this.#cell = cell
    const target = join(this.#folder, 'evidence_runner')
    mkdirSync(target)
    copyFileSync(join(import.meta.dirname, 'chaos_worker.py'), join(target, '__main__.py'))
    const made = spawnSync('mkfifo', [this.#trigger])
    if (made.status !== 0) throw new Error(`mkfifo failed: ${made.stderr}`)
  }

  /** How to start a worker with this role. */
  launch(role: Role): Launch {
    const { fault, state } = this.#cell
    const held = state !== 'idle'
    const within = state === 'batch in flight' || state === 'draining'
    const argument = { role, fault, held, within, folder: this.#folder }
    return { python, packageFolder: this.#folder, operations: [JSON.stringify(argument)] }
  }

  /** Makes the struck worker misbehave, which must be ready or about to be. */
  async strike(): Promise<void> {
    let descriptor: number | undefined
    await until('the worker listens for its trigger', () => {
      try {
        descriptor = openSync(this.#trigger, constants.O_WRONLY | constants.O_NONBLOCK)
        return true
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENXIO') return false // nobody reads it yet
        throw error
      }
    })
    writeSync(descriptor as number, '!')
    closeSync(descriptor as number)
  }

  /** The process that the struck worker left behind, if it did. */
  get grandchild(): number | undefined {
    const file = join(this.#folder, 'grandchild')
    return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  get #trigger(): string {
    return join(this.#folder, 'trigger')
  }
}
