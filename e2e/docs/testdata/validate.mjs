// Answers each list of files with what the OpenAPI Initiative's schemas find
// wrong in each document, and which of Redocly's recommended rules it breaks.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import { answer } from '../../testdata/answer.mjs'

const cli = join(dirname(createRequire(import.meta.url).resolve('@redocly/cli/package.json')), 'bin', 'cli.js')
const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }

async function schema(file) {
  const { valid, errors } = await new Validator().validate(JSON.parse(readFileSync(file, 'utf8')))
  return valid ? '' : JSON.stringify(errors)
}

// lint runs the linter, which writes one report after the other. Its exit code
// says no more than they do.
const lint = (files) => new Promise((resolve, reject) => {
  execFile(process.execPath, [cli, 'lint', '--extends=recommended', '--format=json', ...files], { env, maxBuffer: 1 << 24 }, (err, out) => {
    const reports = out.split(/(?<=^})(?={)/m)
    if (reports.length !== files.length) return reject(err ?? new Error(out))
    resolve(reports.map((text) => JSON.parse(text).problems.filter((p) => p.severity === 'error').map((p) => p.ruleId)))
  })
})

await answer(async (files) => {
  const schemas = await Promise.all(files.map(schema))
  const rules = await lint(files)
  return files.map((_, i) => ({ schema: schemas[i], lint: rules[i] }))
})
