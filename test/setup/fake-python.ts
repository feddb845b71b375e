/** Shell scripts that answer like a Python, so that tests need none of each kind. */

import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What a Python says of itself when it is looked at; see the probe in src/setup/python.ts. */
export const fittingProbe = {
  executable: '/somewhere/python3',
  version: [3, 12, 1],
  platform: 'linux',
  machine: 'x86_64',
  libc: ['glibc', '2.36'],
  free_threaded: false,
  venv: true,
  ensurepip: true,
}

/** Writes a script `name` that runs `body` in sh. */
export async function writeScript(folder: string, name: string, body: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, `#!/bin/sh\n${body}\n`)
  await chmod(path, 0o755)
  return path
}

/** Writes a Python that answers the probe; `otherwise` is what it does when it is asked for anything else. */
export function writePython(
  folder: string,
  name: string,
  probe: Partial<typeof fittingProbe> = {},
  otherwise = 'exit 1',
): Promise<string> {
  const answer = JSON.stringify({ ...fittingProbe, executable: join(folder, name), ...probe })
  return writeScript(folder, name, `if [ "$1" = -c ]; then echo '${answer}'; exit; fi\n${otherwise}`)
}
