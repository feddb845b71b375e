/**
 * Chooses the matrix library that workers load before MLX on Linux: the packaged OpenBLAS, else one of this
 * system's, else none. macOS needs none: MLX uses Metal and Apple's own.
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pythonIn } from './environment-record.ts'
import { type Inspection, inspectEnvironment } from './inspection.ts'
import type { PackageRoot } from './root.ts'
import { isDiskProblem } from './set-up-failure.ts'
import { withoutSymbolPrefix } from './unprefix-blas.ts'

/** Libraries with `cblas_sgemm` that distributions ship: Debian, Ubuntu and Arch; the rest Fedora's, then BLIS. */
const systemLibraries = [
  'libopenblas.so.0',
  'libopenblasp.so.0',
  'libopenblaso.so.0',
  'libflexiblas.so.3',
  'libblis.so.4',
] as const

/**
 * The first library that a process can open and that multiplies rightly, with what else works beside it. Each
 * is tried in a process of its own, since a wrong one may end it.
 */
export async function chooseBlas(
  draft: string,
  sitePackages: string,
  root: PackageRoot,
  warn: (text: string) => void,
  signal: AbortSignal | undefined,
): Promise<{ library: string | undefined; inspection: Inspection }> {
  const python = pythonIn(draft)
  if (process.platform !== 'linux') {
    return {
      library: undefined,
      inspection: await inspectEnvironment(python, undefined, root.folder, { signal }),
    }
  }
  let reason: string | undefined
  const own = join('blas', 'libopenblas.so')
  try {
    const wheel = join(draft, sitePackages, 'scipy_openblas32', 'lib', 'libscipy_openblas.so')
    const bytes = withoutSymbolPrefix(await readFile(wheel))
    await mkdir(join(draft, 'blas'))
    await writeFile(join(draft, own), bytes)
  } catch (error) {
    if (isDiskProblem(error)) throw error
    reason = (error as Error).message
  }
  for (const library of reason === undefined ? [own, ...systemLibraries] : systemLibraries) {
    const path = library === own ? join(draft, own) : library
    const inspection = await inspectEnvironment(python, path, root.folder, { signal })
    if (
      inspection.blas !== undefined &&
      inspection.blas.problem === undefined &&
      inspection.mlx !== undefined
    ) {
      if (library !== own)
        warn(`Uses this system's ${library}, since the packaged OpenBLAS does not work: ${reason}`)
      return { library, inspection }
    }
    reason ??= inspection.blas?.problem ?? inspection.problem
  }
  warn(
    `No fast matrix library works here (${reason}). Models will run 5 to 20 times slower. Mend it: apt-get install libopenblas0-pthread (Debian, Ubuntu), as root`,
  )
  return {
    library: undefined,
    inspection: await inspectEnvironment(python, undefined, root.folder, { signal }),
  }
}
