-- What words a text is found by, in several languages. The projector asks it for texts, the query API for what people
-- type, so the rule stands once. It must not know messages: whatever is said somewhere is found by its words and by
-- where it was said.
--
-- Nothing here depends on the server's locale: the parser of PostgreSQL is only ever given small letters, figures and
-- spaces. Where the locale is C, as with the embedded server, it would take « for a letter.
create schema search;

-- Stems of every word, also of those that other configurations leave out as too common.
do $$
declare
  language text;
begin
  foreach language in array array[
    'english', 'german', 'french', 'spanish', 'italian', 'portuguese', 'russian', 'greek', 'arabic'
  ] loop
    execute format('create text search dictionary search.%I (template = pg_catalog.snowball, language = %I)',
      language, language);
    execute format('create text search configuration search.%I (copy = pg_catalog.simple)', language);
    execute format('alter text search configuration search.%I'
      ' alter mapping for asciiword, word, numword with search.%I', language, language);
  end loop;
end $$;

-- A text as words with spaces between them: small letters without accents, each character of a language that is written
-- without spaces as a word of its own. Who is mentioned (<@user id>) is no word. Innermost first: compatibility forms
-- apart, small; accents of Latin and Greek letters and Arabic vowels gone; letters together again (й, が), a few
-- others in their usual spelling; then characters apart; at last all that is neither letter nor figure is a space.
create function search.plain(said text) returns text language sql immutable strict parallel safe
return regexp_replace(
  regexp_replace(
    replace(replace(replace(translate(
      normalize(
        regexp_replace(
          lower(normalize(regexp_replace(said, '<@[0-9a-fA-F-]{36}>', ' ', 'g'), nfkd) collate "pg_c_utf8"),
          '(?<=[a-z\u0370-\u03ff])[\u0300-\u036f]+|[\u0640\u064b-\u0655]', '', 'g'),
        nfc),
      'ςёøłđı', 'σеoldi'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'),
    -- Thai and its neighbours, radicals, kana, Han, Hangul
    '([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff'
    '\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff])',
    ' \1 ', 'g'),
  '[^[:alnum:]]+' collate "pg_c_utf8", ' ', 'g');

-- The stems of plain words in each language that is written in their letters. They have no places, so what stands
-- in quotation marks is found word for word.
create function search.stems(plain text) returns tsvector language sql immutable strict parallel safe
begin atomic
  select
    case when plain ~ '[a-z]' then
      strip(to_tsvector('search.english', plain)) || strip(to_tsvector('search.german', plain))
      || strip(to_tsvector('search.french', plain)) || strip(to_tsvector('search.spanish', plain))
      || strip(to_tsvector('search.italian', plain)) || strip(to_tsvector('search.portuguese', plain))
    else '' end
    || case when plain ~ '[\u0400-\u04ff]' then strip(to_tsvector('search.russian', plain)) else '' end
    || case when plain ~ '[\u0370-\u03ff]' then strip(to_tsvector('search.greek', plain)) else '' end
    || case when plain ~ '[\u0600-\u06ff]' then strip(to_tsvector('search.arabic', plain)) else '' end;
end;

-- What a text is found by: its words, each with its place, and their stems.
create function search.words(said text) returns tsvector language sql immutable strict parallel safe
begin atomic
  select to_tsvector('pg_catalog.simple', p.plain) || search.stems(p.plain)
  from (select search.plain(said) as plain offset 0) p;
end;

-- The same, and where it was said: a word that nobody can type. So one index finds what was said somewhere, however
-- often the same is said elsewhere.
create function search.words(said text, place uuid) returns tsvector language sql immutable strict parallel safe
begin atomic
  select search.words(said) || array_to_tsvector(array['/' || place]);
end;

create function search.anywhere_in(places uuid[]) returns tsquery language sql immutable strict parallel safe
begin atomic
  select string_agg(quote_literal('/' || p), '|')::tsquery from unnest(places) p;
end;

-- What somebody typed: words that must all be there, in whatever form; "these words in this order"; -not this one;
-- this or that. The last word may be the beginning of one. Null where nothing is left that could be found;
-- whatever was typed, it is no error.
create function search.asked(typed text) returns tsquery language plpgsql immutable strict parallel safe as $$
declare
  last_word text := substring(typed from '(?:^|\s)([^\s"]+)$');
  part text[];       -- a minus or null, and either what stood in quotation marks or a word
  plain text;
  one tsquery;
  together tsquery;  -- all that must be there, since the last "or"
  named boolean := false;
  wanted tsquery;    -- what was before it
begin
  for part in select m from regexp_matches(typed, '(-)?(?:"([^"]*)"?|([^\s"]+))', 'g') m loop
    if part[1] is null and lower(part[3]) = 'or' then
      if named then
        wanted := coalesce(wanted || together, together);
      end if;
      together := null;
      named := false;
      continue;
    end if;
    plain := btrim(search.plain(coalesce(part[2], part[3])));
    one := phraseto_tsquery('pg_catalog.simple', plain);
    continue when numnode(one) = 0;
    if part[1] is not null then
      one := !!one;
    else
      named := true;
      if part[3] is not null and strpos(plain, ' ') = 0 then
        select string_agg(quote_literal(form), '|')::tsquery into one
        from unnest(tsvector_to_array(search.words(plain))) form;
        if part[3] = last_word and char_length(plain) >= 3 then
          one := one || (quote_literal(plain) || ':*')::tsquery;
        end if;
      end if;
    end if;
    together := coalesce(together && one, one);
  end loop;
  return case when named then coalesce(wanted || together, together) else wanted end;
end $$;

revoke all on all functions in schema search from public;
grant usage on schema search to mimo_projector, mimo_query;
grant execute on all functions in schema search to mimo_projector, mimo_query;
