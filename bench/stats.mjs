// What the measurements have in common: taking turns, medians, one Markdown row.
import { readFileSync } from 'node:fs'

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

/** Median of the ratios within each round: what slows a whole round slows both sides. */
export function pairedRatio(values, floor) {
  return median(values.map((value, round) => value / floor[round]))
}

/**
 * Runs every measurement once a round, each round in another order. `measure` is an object of asynchronous functions;
 * returns their values by name, in the order of the rounds.
 */
export async function interleave(rounds, measure) {
  const names = Object.keys(measure)
  const values = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++)
    for (const index of names.keys()) {
      const name = names[(index + round) % names.length]
      values[name].push(await measure[name]())
    }
  return values
}

/** One row: the figure, ours, what it is compared with, their ratio, and the two limits where there are any. */
export function row(figure, ours, floor, ratio, atMost, stretch) {
  const verdict = atMost === undefined ? '' : ratio <= stretch ? 'stretch' : ratio <= atMost ? 'met' : 'MISSED'
  const cells = [
    figure,
    ours,
    floor,
    ratio > 10 ? String(ratio) : ratio.toFixed(2),
    atMost ?? '',
    stretch ?? '',
    verdict,
  ]
  return `| ${cells.join(' | ')} |`
}

const TICKS_A_SECOND = 100

/** Milliseconds of processor time that a process has used; only Linux tells. */
export function readCpu(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND) * 1000
}

/** MiB of memory that a process holds; only Linux tells. */
export function readMemory(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}
