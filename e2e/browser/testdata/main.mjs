// main.mjs CHROMIUM URL [FOLDER]: answers for each scenario what went wrong.
import { answer } from '../../testdata/answer.mjs'
import { launch, Visit } from './visit.mjs'
import * as axe from './axe.mjs'
import * as consent from './consent.mjs'
import * as elsewhere from './elsewhere.mjs'
import * as login from './login.mjs'
import * as session from './session.mjs'

const [executable, base, folder] = process.argv.slice(2)
const scenarios = Object.assign({}, ...[login, session, consent, elsewhere, axe].map((module) => module.scenarios))
const names = Object.keys(scenarios)
const browser = await launch(executable)

async function run(name) {
  const visit = new Visit(browser, base, folder)
  try {
    await scenarios[name](visit)
    visit.check()
    return {}
  } catch (err) {
    return { error: `${err.stack}\n${visit.story()}` }
  } finally {
    await visit.end()
  }
}

const started = new Map()

function start(name) {
  if (name && !started.has(name)) started.set(name, run(name))
}

await answer(({ scenario }) => {
  if (!scenario) return { scenarios: names }
  start(scenario)
  start(names[names.indexOf(scenario) + 1]) // while the browser waits
  return started.get(scenario)
})
