// Staff sign in: the platform vouches for them with a token, which becomes a session's cookie.

import { keepLooking, watchNetwork } from './banner.js';
import { explained } from './problems.js';
import { Strongroom } from './strongroom.js';

const { strongroom: baseUrl } = document.querySelector('main').dataset;
const message = document.querySelector('#message');

watchNetwork();
keepLooking(baseUrl);

async function tokenOf(who) {
  const answer = await fetch(`/staff/${who}/token`, { method: 'POST' });
  return (await answer.json()).token;
}

document.querySelector('.staff').addEventListener('click', async ({ target }) => {
  const button = target.closest('[data-who]');
  if (!button) return;
  button.disabled = true;
  try {
    await new Strongroom(baseUrl, () => tokenOf(button.dataset.who)).signIn();
    location.assign(`${baseUrl}/console`);
  } catch (error) {
    message.textContent = `That did not work. ${explained(error)}`;
    button.disabled = false;
  }
});
