/**
 * Exits with 0 when node_modules holds what package-lock.json asks for, else 1. Plain JavaScript for any
 * Node, since scripts/setup runs it before Node 24 is there.
 *
 * npm writes node_modules/.package-lock.json last, so an interrupted install has none; each package that it
 * lists must also still be on disk.
 */

import { existsSync, readFileSync } from 'node:fs'

const packagesOf = file => JSON.parse(readFileSync(file, 'utf8')).packages

/** @returns {boolean} */
function fits() {
  const wanted = packagesOf('package-lock.json')
  const installed = packagesOf('node_modules/.package-lock.json')
  return Object.entries(wanted).every(([path, { version, integrity, optional, link }]) => {
    if (!path.startsWith('node_modules/')) return true
    const found = installed[path]
    if (found === undefined) return optional === true
    const same = link === true || (found.version === version && found.integrity === integrity)
    return same && existsSync(`${path}/package.json`)
  })
}

try {
  process.exitCode = fits() ? 0 : 1
} catch {
  process.exitCode = 1
}
