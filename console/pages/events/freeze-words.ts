import { defineWords } from '../../words/words.ts';

const events = (count: number): string => `${count} ${count === 1 ? 'event' : 'events'}`;

export const freezeWords = defineWords(
  {
    redriveTitle: 'Redrive events',
    cancelTitle: 'Cancel events',
    selected: (count: number) => `${events(count)} that you selected`,
    extinctOnly: 'Takes EXTINCT events; name a state in the filter for FAILED ones.',
    freeze: 'Count and freeze the set',
    rate: 'Events a second',
    canary: 'Canary: so many go ahead',
    canaryHint: 'Empty: none. The rest follows unless too many of them fail again.',
    percent: 'Stop when more than so many percent of the canary fail',
    limit: 'At most so many, the newest (empty: all)',
    frozen: (count: number) => `The set is frozen: ${events(count)}. What matches later is not in it.`,
    redriveNow: (count: number) => `Redrive ${events(count)}`,
    cancelNow: (count: number) => `Cancel ${events(count)}`,
    redriveHint:
      'Events that are tried again or ended meanwhile are passed over and listed. What has not begun can be undone.',
    cancelHint: 'What is cancelled stays cancelled.',
    begun: (count: number) => `${events(count)} on their way`,
  },
  {
    redriveTitle: 'Olayları yeniden sür',
    cancelTitle: 'Olayları iptal et',
    selected: (count: number) => `Seçtiğiniz ${count} olay`,
    extinctOnly: 'EXTINCT olayları alır; FAILED için süzgeçte durum seçin.',
    freeze: 'Say ve kümeyi dondur',
    rate: 'Saniyede olay',
    canary: 'Öncü: önce bu kadar olay',
    canaryHint: 'Boş: öncü yok. Çoğu yeniden başarısız olmazsa kalanlar izler.',
    percent: 'Öncünün yüzde şu kadarından fazlası başarısızsa dur',
    limit: 'En çok bu kadar, en yeniler (boş: hepsi)',
    frozen: (count: number) => `Küme donduruldu: ${count} olay. Sonradan uyanlar içinde değildir.`,
    redriveNow: (count: number) => `${count} olayı yeniden sür`,
    cancelNow: (count: number) => `${count} olayı iptal et`,
    redriveHint:
      'Bu arada yeniden denenen ya da biten olaylar atlanır ve listelenir. Başlamamış olanlar geri alınabilir.',
    cancelHint: 'İptal edilen iptal kalır.',
    begun: (count: number) => `${count} olay yolda`,
  },
);
