// Moving around: history, tabs, and the login that stays.
import assert from 'node:assert/strict'
import { claims, enter, forbidden, loggedIn, logIn } from './visit.mjs'

async function start(page, base) {
  await page.goto(base + '/')
  await page.getByRole('button', { name: 'Log in' }).click()
}

export const scenarios = {
  async 'back after a login, and forward again'(visit) {
    const page = await visit.page()
    await logIn(page, visit.base, 'alice', 'wonderland')
    await page.goBack()
    assert.equal(await page.getByLabel('Password').inputValue(), '')
    await page.goForward()
    await loggedIn(page)
    await page.goBack()
    await enter(page, 'alice', 'wonderland')
    await loggedIn(page)
  },

  async 'back after a login that stays'(visit) {
    const page = await visit.page()
    await logIn(page, visit.base, 'alice', 'wonderland', { stay: true })
    const { jti } = await claims(page)
    await page.goBack()
    await loggedIn(page)
    assert.equal((await claims(page)).jti, jti)
  },

  async 'a reload of the login page'(visit) {
    visit.expect(forbidden, forbidden)
    const page = await visit.page()
    await start(page, visit.base)
    await page.getByLabel('User name').waitFor()
    await page.reload()
    await enter(page, 'alice', 'x')
    await page.getByRole('alert').waitFor()
    await page.reload() // sends the form again
    await page.getByRole('alert').waitFor()
    await enter(page, 'alice', 'wonderland')
    await loggedIn(page)
  },

  async 'a reload of the page keeps the login'(visit) {
    const page = await visit.page()
    await logIn(page, visit.base, 'alice', 'wonderland')
    const { jti } = await claims(page)
    await page.reload()
    await loggedIn(page)
    assert.equal((await claims(page)).jti, jti)
  },

  async 'two tabs log in side by side'(visit) {
    const context = await visit.open()
    const one = await context.newPage()
    const two = await context.newPage()
    await start(one, visit.base)
    await one.getByLabel('User name').waitFor()
    await start(two, visit.base)
    await two.getByLabel('User name').waitFor()
    await enter(one, 'alice', 'wonderland')
    await loggedIn(one)
    await enter(two, 'bob', 'builder')
    await loggedIn(two)
    assert.deepEqual([(await claims(one)).sub, (await claims(two)).sub], ['alice', 'bob'])
  },

  async 'who stays signed in is not asked again, until logging out'(visit) {
    const context = await visit.open()
    const one = await context.newPage()
    await logIn(one, visit.base, 'alice', 'wonderland', { stay: true })
    const two = await context.newPage()
    await start(two, visit.base)
    await loggedIn(two)
    assert.equal((await claims(two)).sub, 'alice')
    assert.equal((await claims(two)).auth_time, (await claims(one)).auth_time)
    assert.notEqual((await claims(two)).jti, (await claims(one)).jti)

    await two.getByRole('button', { name: 'Log out' }).click()
    await two.getByText('You are logged out.').waitFor()
    await two.getByRole('button', { name: 'Log in' }).click()
    await two.getByLabel('User name').waitFor()
  },

  async 'who does not stay signed in is asked again'(visit) {
    const context = await visit.open()
    await logIn(await context.newPage(), visit.base, 'alice', 'wonderland')
    const two = await context.newPage()
    await start(two, visit.base)
    await two.getByLabel('User name').waitFor()
    const names = (await context.cookies()).map((cookie) => cookie.name)
    assert.deepEqual(names, ['authstar-form'])
  },

  async 'a double click refreshes once'(visit) {
    const page = await visit.page()
    await logIn(page, visit.base, 'alice', 'wonderland')
    let release
    const clicked = new Promise((resolve) => { release = resolve })
    await page.route('**/oauth2/token', async (route) => {
      await clicked // twice, however slow the machine is
      await route.continue()
    })
    await page.getByRole('button', { name: 'Refresh' }).dblclick()
    release()
    await page.getByText('The token was refreshed.').waitFor()
    await page.getByRole('button', { name: 'Refresh' }).click()
    await page.waitForFunction(() => performance.getEntriesByName(location.origin + '/oauth2/token').length === 2)
    await page.getByText('The token was refreshed.').waitFor()
  },

  async 'a refresh token that was used elsewhere ends the login'(visit) {
    visit.expect(/status of 400/)
    const page = await visit.page()
    await logIn(page, visit.base, 'alice', 'wonderland')
    await page.evaluate(async () => {
      const { refresh_token } = JSON.parse(sessionStorage.getItem('tokens'))
      const body = new URLSearchParams({ client_id: 'spa', grant_type: 'refresh_token', refresh_token })
      await fetch('/oauth2/token', { method: 'POST', body })
    })
    await page.getByRole('button', { name: 'Refresh' }).click()
    await page.getByText('Your login has ended.').waitFor()
    assert.ok(await page.getByRole('button', { name: 'Log in' }).isVisible())
  },

  async 'an answer that nobody asked for'(visit) {
    const page = await visit.page()
    await page.goto(visit.base + '/callback?code=x&state=y&iss=' + encodeURIComponent(visit.base))
    await page.getByText('this login was not started here').waitFor()
    await page.getByRole('link', { name: 'Back to the start' }).click()
    await page.getByText('You are not logged in.').waitFor()
  },
}
