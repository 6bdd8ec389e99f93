// How this shop's pages come to Strongroom: where it is, and who vouches for the buyer.

import { Strongroom } from './strongroom.js';
import { waiting } from './problems.js';

// Every page says on its <main> where Strongroom is.
export const { dataset } = document.querySelector('main');

export function strongroomFor({ onWait }) {
  return new Strongroom(dataset.strongroom, tokenFromShop, (error, s) => onWait(waiting(error, s)));
}

// The shop's own server knows who is signed in here; the token is good for some minutes.
async function tokenFromShop() {
  const answer = await fetch('/token', { method: 'POST' });
  if (!answer.ok) throw new Error('You are not signed in at this shop any more.');
  return (await answer.json()).token;
}
