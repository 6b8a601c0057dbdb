import { defineWords } from '../../words/words.ts';

export const words = defineWords(
  {
    title: 'Overview',
    states: 'Events by state',
    flow: 'How it goes',
    accepted: 'Accepted a second',
    processed: 'Processed a second',
    oldest: 'Oldest due event waits',
    nobodyWaits: 'nobody',
    workers: 'Workers',
    noWorkers: 'none: nothing runs',
    stopping: (count: number) => `${count} stopping`,
    types: 'Events by type and state',
    type: 'Type',
    rates: 'Processed a second, lately',
  },
  {
    title: 'Genel bakış',
    states: 'Duruma göre olaylar',
    flow: 'Gidişat',
    accepted: 'Saniyede kabul edilen',
    processed: 'Saniyede işlenen',
    oldest: 'Zamanı gelmiş en eski olay bekliyor',
    nobodyWaits: 'bekleyen yok',
    workers: 'İşçiler',
    noWorkers: 'yok: hiçbir şey çalışmıyor',
    stopping: (count: number) => `${count} duruyor`,
    types: 'Türe ve duruma göre olaylar',
    type: 'Tür',
    rates: 'Son zamanlarda saniyede işlenen',
  },
);
