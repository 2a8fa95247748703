// Draws what the demo really prints as docs/demo.svg: `npm run docs`. Another path as argument for a look or a test.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const FONT_SIZE = 14
const CHARACTER_WIDTH = 8.43
const LINE_HEIGHT = 20
const MARGIN = 20
const COLOURS = { step: '#7ee787', rejected: '#ffa657', plain: '#c9d1d9' }

const story = execFileSync(process.execPath, ['scripts/demo.mjs'], { encoding: 'utf8' })
// The list of tools stands in the README; ids are told apart by their first digits. That of a new customer differs
// every time, as does a wait; the picture must not.
const [title = ''] = story.split('\n')
const steps = story.slice(story.indexOf('\n1. ') + 1).trimEnd()
const lines = ['$ npm ci && npm run demo', title, '', ...steps.split('\n')].map((line) =>
  line
    .replace(/([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '$1…')
    .replace(/(Created customer) .*/, '$1 8deed800…')
    .replace(/waiting [\d.]+ s/, 'waiting 0.5 s'),
)
writeFileSync(process.argv[2] ?? 'docs/demo.svg', draw(lines))

function draw(lines) {
  const width = Math.ceil(Math.max(...lines.map(({ length }) => length)) * CHARACTER_WIDTH) + 2 * MARGIN
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    '<title>The demo in a terminal; made by scripts/demo-picture.mjs</title>',
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="${FONT_SIZE}" xml:space="preserve">`,
    ...lines.map(drawLine).filter(Boolean),
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

function drawLine(line, index) {
  if (line === '') return ''
  const y = MARGIN + FONT_SIZE + index * LINE_HEIGHT
  return `<text x="${MARGIN}" y="${y}" fill="${pickColour(line)}">${escapeXml(line)}</text>`
}

function pickColour(line) {
  if (/^(\$|\d+\.|Done)/.test(line)) return COLOURS.step
  return /rejected|not_applied|cannot be undone/i.test(line) ? COLOURS.rejected : COLOURS.plain
}

function escapeXml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
