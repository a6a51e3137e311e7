import type { SpeakerRole } from "../types/speakers.js";

/** What is said by sellers and by clients, of the language's own forms; matched in lower case, "ё" as "е". */
export const CUES: Readonly<Record<SpeakerRole, readonly RegExp[]>> = {
  seller: [
    /чем (я )?могу (вам )?помочь/,
    /по вашей заявке/,
    /(мы )?оформ(им|ляем|лю)/,
    /стоимость (составит|будет)/,
    /вам (будет )?удобно/,
    /подскажите,? (пожалуйста,? )?ваш/,
    /могу (вам )?предложить/,
    /у нас (сейчас )?(есть|действует|акция)/,
    /(мы|я) (вам )?перезвон(им|ю)/,
    /спасибо за (звонок|обращение)/,
    /как (я )?могу к вам обращаться/,
    /thank you for calling/,
    /how (can|may) i (help|assist)/,
    /let me (check|look)/,
    /(dollars|euros?) (per|a) month/,
    /what can i do for you/,
    /would you like (me )?to/,
    /may i have your/,
    /i can offer/,
    /we (have|offer) a/,
    /your (order|account) number/,
  ],
  client: [
    /сколько (это |он[аи]? )?(будет )?сто(ит|ят)/,
    /хотел(а)? (бы )?(узнать|спросить|уточнить|заказать|купить)/,
    /у меня (есть )?вопрос/,
    /мне (нужн|надо)/,
    /я подумаю/,
    /(слишком |это )?дорого/,
    /меня интересует/,
    /how much (is|does|do|would|are)/,
    /i('m| am) calling (about|because)/,
    /i('d| would) like/,
    /i('ll| will) think about it/,
    /i (need|want)( |$)/,
    /too expensive/,
    /do you have/,
    /can i (get|have|order|return)/,
  ],
};

/** The greeting of one who answers for a company, or calls for one. */
export const GREETINGS: readonly RegExp[] = [
  /меня зовут .{2,40}(компани|из )/,
  /(компания|магазин|салон|служба|отдел|сервис) .{2,40}(здравствуйте|добр|слуша)/,
  /(здравствуйте|добрый день|добрый вечер|доброе утро).{0,60}(компани|меня зовут)/,
  /вас беспокоит/,
  /thank you for calling/,
  /this is .{2,40} (from|with|at) /,
  /(my name is|you've reached) .{2,60}(how (can|may) i|from)/,
  /how (can|may) i help/,
  /чем (я )?могу (вам )?помочь/,
];
