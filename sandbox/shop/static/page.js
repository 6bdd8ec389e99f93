// Pages that have nothing live of their own: the catalogue, and messages.

import { keepLooking, watchNetwork } from './banner.js';

watchNetwork();
keepLooking(document.querySelector('main').dataset.strongroom);
