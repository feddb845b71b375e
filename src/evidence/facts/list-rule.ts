/** Holds a claimed count against lists: names after a colon, items under a head. */
import type { Candidate } from './candidate.ts'
import { hold } from './interval.ts'
import type { Quantity } from './quantity.ts'
import type { Read, Scene } from './scene.ts'
import type { Figure } from './statement.ts'

const excerpt =
  /\b(?:excerpt|extract|selection|some of|among others|first page|for example|etc|and so on|sample|a few of|incomplete|including|such as)\b|…|\.\.\./i

/** What the lists of `scene` would say to the count. */
export function listCandidates(figure: Figure, scene: Scene): Candidate[] {
  if (figure.quantity.dimension !== 'number' || figure.change !== undefined || figure.statistic !== 'plain')
    return []
  const { title = '' } = scene.source
  if (excerpt.test(title)) return []
  return [...inlineLists(scene), ...itemLists(scene)].flatMap(({ reads, count }): Candidate[] => {
    const quantity: Quantity = { value: count, dimension: 'number', slack: 0, text: `${count} listed` }
    const stance = hold(figure, { quantity, comparison: 'exact' })
    if (stance === 'silent' || reads.some(read => excerpt.test(read.text) || excerpt.test(read.unit.parent)))
      return []
    return [{ kind: 'list', stance, reads, part: undefined, found: quantity.text }]
  })
}

const counting =
  /^(?:\d|(?:two|three|four|five|six|seven|eight|nine|ten|twelve|some|several|many|most|all) )/i

type List = { readonly reads: readonly Read[]; readonly count: number }

/** "Hosts: elm, ash and yew": names alone, no figures among them. */
function inlineLists({ reads }: Scene): List[] {
  return reads.flatMap((read): List[] => {
    const match = /^[^:]{3,80}: ([^:;.]{3,400})\.?$/.exec(read.text)
    const items = (match?.[1] ?? '').split(/, and |, | and /)
    if (
      items.length < 2 ||
      items.some(
        item =>
          !/^[\p{L}\p{N}][\p{L}\p{N}._-]*(?: [\p{L}\p{N}._-]+)?$/u.test(item.trim()) ||
          counting.test(item.trim()),
      )
    )
      return []
    return [{ reads: [read], count: items.length }]
  })
}

/** Items that hang on one head. */
function itemLists({ reads }: Scene): List[] {
  const lists = new Map<string, Read[]>()
  for (const read of reads) {
    if (!read.unit.item || read.unit.stamp !== '') continue
    const head = read.unit.parent === '' ? read.unit.heading : read.unit.parent
    if (head === '') continue
    const key = `${read.unit.block} ${head}`
    lists.set(key, [...(lists.get(key) ?? []), read])
  }
  return [...lists.values()]
    .filter(list => list.length > 1)
    .map(list => ({ reads: list, count: list.length }))
}
