import type { OptionSpecs, OptionValues } from '../config/command-line.ts'
import { OPTIONS as SERVER_OPTIONS } from '../config/options.ts'

/** The options of `call`, and those of the server that fit. */
export const OPTIONS = {
  help: { type: 'boolean', short: 'h', description: 'print this help' },
  input: {
    type: 'string',
    placeholder: 'FILE',
    description: 'call the tool for each row of FILE: NDJSON, a JSON array or CSV; - is standard input, for reads',
  },
  'input-format': {
    type: 'string',
    placeholder: 'FORMAT',
    choices: ['ndjson', 'json', 'csv'],
    requires: ['input'],
    description: 'ndjson, json or csv, where the extension of FILE does not say it',
  },
  output: {
    type: 'string',
    placeholder: 'FILE',
    description: 'write the results to FILE instead of standard output; FILE.partial until it is complete',
  },
  format: {
    type: 'string',
    placeholder: 'FORMAT',
    choices: ['ndjson', 'csv'],
    default: 'ndjson',
    requires: ['input', 'all'],
    description: 'format of the results: ndjson or csv',
  },
  all: { type: 'boolean', description: 'read every page of list-customers, one record per line' },
  journal: {
    type: 'string',
    placeholder: 'FILE',
    requires: ['input'],
    description: 'record the writes in FILE, from which the same command resumes; the input with .journal if absent',
  },
  concurrency: {
    type: 'integer',
    placeholder: 'N',
    min: 1,
    max: 20,
    default: 4,
    requires: ['input'],
    description: 'calls at the same time',
  },
  'max-failures': {
    type: 'integer',
    placeholder: 'N',
    max: 999_999_999,
    default: 10,
    requires: ['input'],
    description: 'start no further row after so many failed or unknown ones; 0 is no limit',
  },
  'dry-run': { type: 'boolean', description: 'validate, print each request and send nothing; needs no key' },
  yes: {
    type: 'integer',
    placeholder: 'N',
    max: 999_999_999,
    description: 'answer the question before archives, where N is the number of rows',
  },
  'env-file': SERVER_OPTIONS['env-file'],
  'log-format': SERVER_OPTIONS['log-format'],
  'read-only': SERVER_OPTIONS['read-only'],
  tools: SERVER_OPTIONS.tools,
  'exclude-tools': SERVER_OPTIONS['exclude-tools'],
  environment: SERVER_OPTIONS.environment,
  'confirm-archives': SERVER_OPTIONS['confirm-archives'],
  'audit-log': SERVER_OPTIONS['audit-log'],
  sandbox: SERVER_OPTIONS.sandbox,
  'sandbox-faults': SERVER_OPTIONS['sandbox-faults'],
  'sandbox-seed': SERVER_OPTIONS['sandbox-seed'],
} as const satisfies OptionSpecs

export type CallOptions = OptionValues<typeof OPTIONS>
