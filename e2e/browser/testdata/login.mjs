// Logging in: what the person enters, and how.
import assert from 'node:assert/strict'
import { authorization, badRequest, call, claims, enter, forbidden, loggedIn, logIn } from './visit.mjs'

const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim())

// outlined is whether the eye finds the focus.
const outlined = (page) => page.evaluate(() => {
  const style = getComputedStyle(document.activeElement)
  return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
})

async function tabTo(page, ...names) {
  for (const name of names) {
    await page.keyboard.press('Tab')
    assert.equal(await focused(page), name)
    assert.ok(await outlined(page), `${name} has the focus, and no outline`)
  }
}

export const scenarios = {
  async 'log in, call the API, refresh and log out'(visit) {
    const page = await visit.page()
    await page.goto(visit.base + '/')
    await page.getByText('You are not logged in.').waitFor()
    assert.ok(!(await page.locator('#known').isVisible()))
    await page.getByRole('button', { name: 'Log in' }).click()
    await enter(page, 'alice', 'wonderland')
    await loggedIn(page)

    const first = await claims(page)
    assert.deepEqual([first.iss, first.aud, first.sub, first.role, first.client_id], [visit.base, visit.base, 'alice', 'admin', 'spa'])
    assert.match(await call(page, 'Who am I?'), /^200 .*"alice"/)
    assert.match(await call(page, 'Orders'), /^200 .*"tea"/)
    assert.match(await call(page, 'Administration'), /^200 .*true/)

    await page.getByRole('button', { name: 'Refresh' }).click()
    await page.getByText('The token was refreshed.').waitFor()
    const second = await claims(page)
    assert.notEqual(second.jti, first.jti)
    assert.equal(second.auth_time, first.auth_time)
    assert.match(await call(page, 'Orders'), /^200 /)

    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByText('You are logged out.').waitFor()
    assert.ok(!(await page.locator('#known').isVisible()))
    assert.equal(await focused(page), 'login')
    assert.equal(await page.evaluate(() => sessionStorage.length + localStorage.length), 0)
    await page.reload()
    await page.getByText('You are not logged in.').waitFor()
  },

  async 'a wrong password is announced, and the name stays'(visit) {
    visit.expect(forbidden, forbidden)
    const page = await visit.page()
    await page.goto(visit.base + '/')
    await page.getByRole('button', { name: 'Log in' }).click()
    const errors = []
    for (const name of ['nobody', 'alice']) {
      await enter(page, name, 'wonderlanx')
      const alert = page.getByRole('alert')
      await alert.waitFor()
      errors.push(await alert.textContent())
      assert.match(await page.title(), /^Error: /)
      assert.equal(await page.getByLabel('User name').inputValue(), name)
      assert.equal(await page.getByLabel('Password').inputValue(), '')
      assert.equal(await focused(page), 'password')
      assert.equal(await page.getByLabel('Password').getAttribute('aria-describedby'), await alert.getAttribute('id'))
    }
    assert.equal(errors[0], errors[1])
    await page.keyboard.type('wonderland')
    await page.keyboard.press('Enter')
    await loggedIn(page)
  },

  async 'an empty form is not sent'(visit) {
    const page = await visit.page()
    await page.goto(authorization(visit.base, 'spa', visit.base + '/callback'))
    await page.getByRole('button', { name: 'Log in' }).click()
    assert.equal(await page.evaluate(() => document.querySelector(':invalid:not(form)').id), 'username')
    assert.equal(await page.getByRole('alert').count(), 0)
  },

  async 'a link to /authorize without a client shows an error'(visit) {
    visit.expect(badRequest)
    const page = await visit.page()
    const answer = await page.goto(visit.base + '/authorize')
    assert.equal(answer.status(), 400)
    await page.getByRole('heading', { name: 'That did not work' }).waitFor()
    assert.match(await page.getByRole('alert').textContent(), /application is not known/)
    assert.equal(await page.locator('form').count(), 0)
  },

  async 'bob may not administrate'(visit) {
    visit.expect(forbidden)
    const page = await visit.page()
    await logIn(page, visit.base, 'bob', 'builder')
    assert.equal((await claims(page)).role, 'user')
    assert.match(await call(page, 'Orders'), /^200 /)
    assert.match(await call(page, 'Administration'), /^403 /)
  },

  async 'with the keyboard alone'(visit) {
    const page = await visit.page()
    await page.goto(visit.base + '/')
    await page.getByText('You are not logged in.').waitFor()
    await tabTo(page, 'login')
    await page.keyboard.press('Enter')

    await page.getByLabel('User name').waitFor()
    assert.equal(await focused(page), 'username')
    assert.ok(await outlined(page))
    await page.keyboard.type('alice')
    await tabTo(page, 'password')
    await page.keyboard.type('wonderland')
    await tabTo(page, '')
    await page.keyboard.press('Space')
    assert.ok(await page.getByLabel('Stay signed in').isChecked())
    await tabTo(page, 'Log in')
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.press('Space')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')

    await loggedIn(page)
    await tabTo(page, 'refresh', 'logout', 'Who am I?', 'Orders', 'Administration')
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => document.getElementById('answer').textContent.startsWith('200'))
    for (const name of ['Orders', 'Who am I?', 'logout']) {
      await page.keyboard.press('Shift+Tab')
      assert.equal(await focused(page), name)
    }
    await page.keyboard.press('Enter')
    await page.getByText('You are logged out.').waitFor()
    await page.keyboard.press('Enter')
    await page.getByLabel('User name').waitFor()
  },

  async 'the login page without JavaScript'(visit) {
    visit.expect(forbidden)
    const page = await visit.page({ javaScriptEnabled: false })
    let arrived
    const client = await visit.listen((request, response) => {
      arrived ??= new URL(request.url, visit.base)
      response.end('<!doctype html><title>back</title>')
    })
    await page.goto(authorization(visit.base, 'cli', client + '/callback'))
    await enter(page, 'alice', 'x')
    await page.getByRole('alert').waitFor()
    await enter(page, 'alice', 'wonderland')
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(client + '/**')
    assert.equal(arrived.searchParams.get('state'), 'st&te=1')
    assert.equal(arrived.searchParams.get('iss'), visit.base)
    assert.equal(arrived.searchParams.get('code').length, 43)
  },
}
