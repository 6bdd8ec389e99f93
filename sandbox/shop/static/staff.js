// Staff sign in: the platform vouches for them with a token, which becomes a session's cookie.

import { keepLooking, watchNetwork } from './banner.js';
import { explained } from './problems.js';
import { Strongroom } from './strongroom.js';

const { strongroom: baseUrl } = document.querySelector('main').dataset;
const button = document.querySelector('#finance');
const message = document.querySelector('#message');

watchNetwork();
keepLooking(baseUrl);

async function tokenOfFinance() {
  const answer = await fetch('/staff/token', { method: 'POST' });
  return (await answer.json()).token;
}

button.addEventListener('click', async () => {
  button.disabled = true;
  try {
    await new Strongroom(baseUrl, tokenOfFinance).signIn();
    location.assign(`${baseUrl}/console/finance`);
  } catch (error) {
    message.textContent = `That did not work. ${explained(error)}`;
    button.disabled = false;
  }
});
