/** What a number depends on beside the code: processor, system, versions, and how busy the machine was. */
import { execFile } from 'node:child_process'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { promisify } from 'node:util'
import { pythonEnvironment } from './launch.ts'

export type Machine = {
  readonly cpu: string
  readonly cores: number
  readonly memoryGib: number
  readonly os: string
  readonly node: string
  readonly python: string
  readonly mlx: string
  /** As set by the person; empty when the library chooses its kernels itself. */
  readonly openblasCoretype: string
  /** One, five and fifteen minutes, at the start. */
  readonly loadAverage: string
}

const versions = 'import sys, importlib.metadata as m; print(sys.version.split()[0], m.version("mlx"))'

export async function machineFacts(): Promise<Machine> {
  const load = loadavg()
  const { python } = await pythonEnvironment()
  const { stdout } = await promisify(execFile)(python, ['-c', versions], { timeout: 10_000 })
  const [pythonVersion = '', mlx = ''] = stdout.trim().split(' ')
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    os: `${process.platform} ${release()} ${process.arch}`,
    node: process.versions.node,
    python: pythonVersion,
    mlx,
    openblasCoretype: process.env['OPENBLAS_CORETYPE'] ?? '',
    loadAverage: load.map(value => value.toFixed(2)).join(' '),
  }
}
