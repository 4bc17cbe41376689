"""Lists of people: every form that spreadsheet programs write, and files that are none."""

import tracemalloc
from dataclasses import replace

import pytest

from invite_site.errors import UnreadableList
from invite_site.invitations.batches.judging import Fate, judge_list
from invite_site.invitations.batches.lists import read_list
from invite_site.invitations.options import NO_OPTIONS, Options

TWO = [("ada@example.com", "Ada Byron"), ("bob@example.com", "Böb")]


def people(content: bytes | str, max_rows: int = 10_000) -> list[tuple[str, str]]:
    return [(row.email, row.name) for row in read_list(content, max_rows=max_rows).rows]


def fates(content: bytes | str) -> list[Fate]:
    rows = read_list(content, max_rows=10_000).rows
    judged = judge_list([(row, NO_OPTIONS) for row in rows], lambda _: {})
    assert len(judged) == len(rows)
    return [row.fate for row in judged]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_what_spreadsheet_programs_write(delimiter: str, ending: str, encoding: str) -> None:
    """Comma, semicolon or tab; every end of a line; UTF-8, or UTF-16 with its mark."""
    lines = [["Email", "Name"], *map(list, TWO)]
    text = ending.join(delimiter.join(cells) for cells in lines) + ending
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    assert people((mark + text).encode(encoding)) == TWO


@pytest.mark.parametrize(
    "header",
    [
        "Email,Name",
        "E-Mail,Full Name",
        "email address,NAME",
        "E-mail Address,Display_Name",
        "Mail,Name",
        "E-Mail-Adresse,Name",
        "Correo electrónico,Nombre",
        "Courriel,Name",
        "ADRESSE ÉLECTRONIQUE,NOM COMPLET",
        "Adresse de messagerie,Nom et prénom",
        "Dirección de correo electrónico,Nombre y apellidos",
        "Dirección de correo,NOMBRE COMPLETO",
        "E-Mail-Adresse,Vor- und Nachname",
        "E-mail 1 - Value,Name",
        "Work email,Full name",
        "E-Mail (dienstlich),Name *",
        "Primary Email,Display Name",
        "Address,Name",
        "User principal name,Display name",
    ],
)
def test_the_words_that_people_use(header: str) -> None:
    """In any case and with any sign between."""
    assert people(f"{header}\nada@example.com,Ada Byron\n".encode()) == TWO[:1]


def test_the_columns_may_stand_in_any_order_and_others_are_named() -> None:
    """What nothing is done with is said."""
    content = b"Team,Vorname,Floor,Nachname,E-Mail\nx,Ada,3,Byron,ada@example.com\n"
    found = read_list(content, max_rows=10)
    assert [(row.line, row.email, row.name) for row in found.rows] == [
        (2, "ada@example.com", "Ada Byron")
    ]
    assert found.ignored == ("Team", "Floor")


@pytest.mark.parametrize(
    "content",
    [
        b"ada@example.com,Ada Byron\n",
        b"Ada Byron,ada@example.com\n",
        b"Ada Byron <ada@example.com>\n",
        b'"""Ada Byron"" <ada@example.com>"\n',
        b'\xef\xbb\xbf"Ada Byron",ada@example.com\n',
        "ada@example.com, Ada Byron\n",
        "Ada Byron <ada@example.com>",
        '"Ada Byron" <ada@example.com>,\n',
        "Ada Byron, ada@example.com",
        "ada@example.com\tAda Byron\n",
        "Name;Email\nAda Byron;ada@example.com\n",
    ],
)
def test_without_a_header_the_address_is_found(content: bytes | str) -> None:
    """In a file or a pasted text, before or behind the name."""
    assert people(content) == TWO[:1]


@pytest.mark.parametrize(
    "content",
    [
        "Guests 2026;;\n;;\nVorname;Nachname;E-Mail\nAda;Byron;ada@example.com\n",
        "Guests, 2026\nVorname;Nachname;E-Mail\nAda;Byron;ada@example.com\n",
        "sep=;\nVorname;Nachname;E-Mail\nAda;Byron;ada@example.com\n",
        'Notes:\n"When you export this, note that\nsome addresses are missing."\n\n'
        "First Name,Last Name,Email Address\nAda,Byron,ada@example.com\n",
        '\n"Vor-\nname";Nachname;E-Mail\nAda;Byron;ada@example.com\n',
    ],
)
def test_the_header_may_stand_below_a_title_and_have_more_than_one_line(content: str) -> None:
    """As people lay out a sheet, as LinkedIn exports contacts, and as programs tell Excel the separator.
    A title is no person."""
    assert people(content.encode()) == TWO[:1]


def test_without_a_header_a_title_above_the_people_does_not_hide_their_addresses() -> None:
    """The column is looked for in the rows behind it, and a row may be longer than others."""
    rows = read_list(b"Guests,\nAda Byron,ada@example.com\nBob,bob@x.org,late\n", max_rows=5).rows
    assert [(row.email, row.name, row.problem) for row in rows] == [
        ("", "Guests", ""),
        ("ada@example.com", "Ada Byron", ""),
        ("bob@x.org", "Bob", ""),
    ]


@pytest.mark.parametrize(
    "content",
    ["Ada\tByron\tada@example.com\t\tCountess\n", b"Ada,Byron,ada@example.com,,Countess\n"],
)
def test_without_a_header_what_nothing_is_done_with_is_named_by_its_number(
    content: str | bytes,
) -> None:
    """Such as the last name, of which nobody says that it is one; not a column that is empty."""
    found = read_list(content, max_rows=5)
    assert people(content) == [("ada@example.com", "Ada")]
    assert found.ignored == ("no. 2", "no. 5")


@pytest.mark.parametrize("content", ["No One\tnobody\tnowhere\n", b"No One,nobody,nowhere\n"])
def test_a_list_without_any_address_is_shown_as_it_is(content: str | bytes) -> None:
    """The first cell stands where the address is mended."""
    assert people(content) == [("No One", "nobody")]


def test_without_a_header_the_first_row_with_an_address_says_where_it_stands() -> None:
    """Not the last, where it is missing."""
    assert people(b"Ada Byron,ada@example.com\nBob,\n") == [*TWO[:1], ("", "Bob")]


def test_a_name_of_which_one_part_is_missing_is_the_other() -> None:
    """Or that beside the address, where both are."""
    content = (
        b"First name,Last name,Email\n,Byron,ada@x.org\n,,Bob <bob@x.org>\n , ,'Cy' <cy@x.org>\n"
    )
    assert [name for _, name in people(content)] == ["Byron", "Bob", "Cy"]


def test_of_several_columns_with_names_one_is_taken() -> None:
    """The whole name and not its parts as well, and the column rather than what stands beside the
    address; a column without a name is not told as ignored."""
    content = b"E-mail,First name,Name,\nCountess <ada@example.com>,Ada,Ada Byron,\n"
    found = read_list(content, max_rows=5)
    assert [(row.email, row.name) for row in found.rows] == TWO[:1]
    assert found.ignored == ("First name",)


@pytest.mark.parametrize(
    "content",
    [
        "Nombre;Apellidos;Correo electrónico\nAda;Byron;ada@example.com\n",
        "Apellido;Nombre;Correo\nByron;Ada;ada@example.com\n",
        "Name;Surname;E-mail\nAda;Byron;ada@example.com\n",
        "Name;Vorname;E-Mail\nByron;Ada;ada@example.com\n",
        "NOM;PRÉNOM;Adresse de messagerie\nByron;Ada;ada@example.com\n",
        "Nome;Cognome;Indirizzo e-mail\nAda;Byron;ada@example.com\n",
        "Last Name;Middle Name;First Name;E-mail 1 - Label;E-mail 1 - Value;E-mail 2 - Value\n"
        "Byron;;Ada;Work;ada@example.com;\n",
        "Nom;Prénom;Courriel\nByron;Ada;ada@example.com\n",
        "First Name [Required];Last Name [Required];Email Address [Required]\nAda;Byron;ada@example.com\n",
        "Vorname;Nachname;Primäre E-Mail-Adresse\nAda;Byron;ada@example.com\n",
        "Full name;Surname;E-mail\nAda Byron;Byron;ada@example.com\n",
        "Name;Vorname;Nachname;E-Mail\nAda Byron;Ada;Byron;ada@example.com\n",
    ],
)
def test_a_name_in_two_columns_is_read_from_both(content: str) -> None:
    """Beside a column of last names "Name" or "Nombre" is the first name; in German, beside "Vorname",
    it is the last name."""
    assert people(content.encode()) == TWO[:1]


@pytest.mark.parametrize(
    "header", ["Adresse;E-Mail;Name", "Address;E-mail;Name", "userPrincipalName;mail;displayName"]
)
def test_a_column_of_postal_addresses_is_not_that_of_email_addresses(header: str) -> None:
    """Nor one of accounts, where another column is called by the plainer word."""
    content = f"{header}\n5 High Street;ada@example.com;Ada Byron\n"
    found = read_list(content.encode(), max_rows=5)
    assert people(content.encode()) == TWO[:1]
    assert found.ignored == (header.partition(";")[0],)


def test_roles_of_a_cell_are_separated_as_people_do() -> None:
    """By comma, semicolon or bar."""
    content = b"Email\tRoles\tNote\nada@example.com\tEditor, Sales | Billing;\tWelcome.\n"
    found = read_list(content, max_rows=5)
    assert found.rows[0].roles == ("Editor", "Sales", "Billing")
    assert found.ignored == ()


def test_what_no_preview_could_show_is_cut() -> None:
    """An address, a name, a language, or the name of a column that is far too long."""
    content = f"Email,Name,Language,{'c' * 99}\n{'a' * 999}@example.com,{'b' * 999},{'d' * 999},\n"
    found = read_list(content.encode(), max_rows=5)
    assert [(len(row.email), len(row.name)) for row in found.rows] == [(320, 160)]
    assert found.rows[0].problem.startswith(f"{'d' * 60} is no language")
    assert found.ignored == ("c" * 60,)


@pytest.mark.parametrize(
    "content",
    [
        b"Byron, Ada;ada@example.com\n",
        b"ada@example.com;Byron, Ada\n",
        b"Byron, Ada ; ada@example.com\n",
        b"Byron, Ada <ada@example.com>;\n",
        b"Byron, Ada\tada@example.com\n",
        b"Address, street;E-mail;Name\n1 High Street, Ham;ada@example.com;Byron, Ada\n",
        b"Name;E-mail;Copy\nByron, Ada;ada@example.com;b@x.org, c@x.org, d@x.org, e@x.org, f@x.org\n",
        b"Name;E-mail;Floor, Team, Desk, Door\nByron, Ada;ada@example.com;1, R&D, 7, B\n",
        b'ada@example.com,"Byron, Ada",Countess;1;2;3\n',
    ],
)
def test_what_stands_within_a_cell_separates_nothing(content: bytes) -> None:
    """Though the first line has no fewer of it than of what does."""
    assert people(content) == [("ada@example.com", "Byron, Ada")]


def test_a_pasted_line_may_hold_several_people() -> None:
    """Separated by comma or semicolon; a name with a comma needs the semicolon or quotes."""
    text = (
        "ada@example.com, bob@example.com\nByron, Ada <ada@x.org>; Bob <bob@x.org>; \n\ncy@x.org\n"
    )
    rows = read_list(text, max_rows=10).rows
    assert [(row.line, row.email, row.name) for row in rows] == [
        (1, "ada@example.com", ""),
        (1, "bob@example.com", ""),
        (2, "ada@x.org", "Byron, Ada"),
        (2, "bob@x.org", "Bob"),
        (4, "cy@x.org", ""),
    ]


@pytest.mark.parametrize("end", [",", ", ", " ,"])
def test_in_a_pasted_line_a_comma_at_the_end_is_no_part_of_a_person(end: str) -> None:
    """Nor of a name with a comma in it."""
    assert people(f"Byron, Ada <ada@example.com>{end}") == [("ada@example.com", "Byron, Ada")]


def test_in_a_pasted_line_a_person_without_an_address_is_shown_once() -> None:
    """In the place of the address, where it is mended."""
    text = "ada@example.com; Byron, Ada; bob@example.com"
    assert people(text) == [("ada@example.com", ""), ("Byron, Ada", ""), ("bob@example.com", "")]


@pytest.mark.parametrize(
    "text",
    [
        "'Ada Byron' <ada@example.com>; 'Böb' <bob@example.com>;",
        "“Ada Byron” <ada@example.com>\n„Böb“ <bob@example.com>",
        '"ada@example.com","Ada Byron"\n"bob@example.com","Böb"\n',
        '"ada@example.com";"Ada Byron"\n"bob@example.com";Böb\n',
        "\"'Ada Byron'\" <ada@example.com>\nBöb <bob@example.com>",
    ],
)
def test_quotation_marks_are_no_part_of_a_pasted_name_or_address(text: str) -> None:
    """Outlook copies names in single ones, and a file has them around each cell."""
    assert people(text) == TWO


@pytest.mark.parametrize(
    "content",
    [
        "'ada@example.com' <ada@example.com>",
        "ada@example.com < ada@example.com >",
        "ada@example.com <Ada@example.com>; bob@x.org",
        b"Name,Email\nAda@example.com,ada@example.com\n",
    ],
)
def test_an_address_in_the_place_of_its_name_is_no_name(content: bytes | str) -> None:
    """Mail programs write it there where they know no name."""
    assert fates(content)[0] == Fate.GOOD
    assert people(content)[0][1] == ""


def test_in_a_pasted_line_a_comma_within_quotation_marks_separates_nothing() -> None:
    """As mail programs write recipients; a mark without its pair is a sign as any other."""
    text = '"Byron, Ada" <a@x.org>, "Bob" <b@x.org>\nCy 5" <c@x.org>, Dan <d@x.org>\n'
    assert people(text) == [
        ("a@x.org", "Byron, Ada"),
        ("b@x.org", "Bob"),
        ("c@x.org", 'Cy 5"'),
        ("d@x.org", "Dan"),
    ]


def test_an_apostrophe_stays_in_a_name() -> None:
    """Also one at its beginning or end."""
    text = "Gerard 't Hooft' <g@x.org>\n't Hooft <h@x.org>\nD'Arcy O'Neil, d'arcy@x.org\n"
    assert people(text) == [
        ("g@x.org", "Gerard 't Hooft'"),
        ("h@x.org", "'t Hooft"),
        ("d'arcy@x.org", "D'Arcy O'Neil"),
    ]


def test_line_numbers_are_those_of_the_file() -> None:
    """Blank lines and cells over several lines are counted."""
    content = b'Email,Name\n\nada@example.com,"Ada\nByron"\n  \nbob@example.com,Bob\n'
    rows = read_list(content, max_rows=10).rows
    assert [row.line for row in rows] == [3, 6]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "This list is empty."),
        (b"\n \n,,,\n", "This list is empty."),
        (b"Email,Name\n", "This list is empty."),
        ("", "This list is empty."),
        (b"PK\x03\x04rest", "Excel or a ZIP file"),
        (b"\xd0\xcf\x11\xe0rest", "Excel file"),
        (b"\x1f\x8brest", "compressed"),
        (b"%PDF-1.7", "PDF"),
        (b"Email\nada@example.com\x00\n", "This is no text."),
        ("ada@example.com\0", "This is no text."),
        ("Email\nBöb".encode("latin-1"), "Line 2 holds characters that are not UTF-8."),
        ("Email\nada@example.com".encode("utf-16-le"), "This is no text."),
        ("Email".encode("utf-32"), "This is no text."),
        (b"\xff\xfeE", "Line 1 holds characters"),
        (
            b'Email,Name\nada@example.com,"Ada\nbob@example.com,Bob\n',
            "Line 2 opens a quotation mark",
        ),
        (
            b'Email,Name\nada@example.com,"Ada" Byron\n',
            "Line 2 holds a quotation mark inside a cell",
        ),
        (b"Email\n" + b"a" * 140_000, "Line 2 holds a cell that is far too long"),
        (b"a@example.com\n" * 5, "more than 4 rows"),
        (b"x" * 2_000_001, "larger than 2 MB"),
        ("ü".encode() * 1_000_001, "larger than 2 MB"),
        (b"x" * 64_000_000, "larger than 2 MB"),
        ("x" * 2_000_001, "larger than 2 MB"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(content: bytes | str, sentence: str) -> None:
    """With the line where there is one, and what to do."""
    with pytest.raises(UnreadableList, match=sentence):
        read_list(content, max_rows=4)


def test_a_million_columns_cost_little() -> None:
    """A row of nothing but separators, and a header of as many names."""
    for content in (
        b"," * 1_000_000 + b"\nada@example.com\n",
        b"Email" + b",x" * 900_000 + b"\na@b.co\n",
        b"a@b.co" + b",x" * 900_000,
    ):
        tracemalloc.start()
        try:
            found = read_list(content, max_rows=10)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert found.rows[-1].email in ("ada@example.com", "a@b.co")
        assert len(found.ignored) <= 1000, "they stand on a page"
        assert peak < 100_000_000


def test_a_row_with_more_cells_than_the_header_says_so() -> None:
    """A comma in a name without quotes would put half of it somewhere else."""
    rows = read_list(b"Name,Email\nByron, Ada,ada@example.com\nBob,bob@x.org,,\n", max_rows=5).rows
    assert "more cells than the header" in rows[0].problem
    assert rows[1].problem == ""
    # Nor is what came to stand under another header said to be wrong itself.
    rows = read_list(b"Email,Name,Language\na@x.org,Byron, Ada,de\n", max_rows=5).rows
    assert "more cells than the header" in rows[0].problem


HOSTILE = [
    "=cmd|'/c'!A1@example.com",
    "+1@example.com",
    "@example.com",
    "ada@",
    "ada@example.com\u202e",
    "ad\u200ba@example.com",
    "\u0430da@example.com",
    "ada@ex\u0430mple.com",
    "ada@example.com bob@example.com",
    "ada@example.com,bob@example.com",
    "<script>@example.com",
    "{{7*7}}@example.com",
    "a" * 70 + "@example.com",
    "a@" + "b" * 300 + ".com",
    "'; DROP TABLE invitation; --@example.com",
    "ada@example.com\r\nBcc: eve@example.com",
]


def test_every_row_of_a_hostile_list_gets_a_fate() -> None:
    """Accepted and rejected rows are all rows, and each rejected one has its reason."""
    content = "Email\n" + "".join(f'"{address}"\n' for address in HOSTILE)
    rows = read_list(content.encode(), max_rows=100).rows
    judged = judge_list([(row, NO_OPTIONS) for row in rows], lambda _: {})
    assert len(judged) == len(rows) == len(HOSTILE)
    assert all(bool(row.reason) is (row.fate != Fate.GOOD) for row in judged)
    assert {row.fate for row in judged} == {Fate.GOOD, Fate.BAD}


def test_one_address_in_forty_spellings_is_one_person() -> None:
    """Letter case, blanks around it, the domain as people or machines write it."""
    spellings = [
        f"{before}{address}{after}"
        for address in (
            "ada@bücher.example.com",
            "ADA@Bücher.example.com",
            "Ada@xn--bcher-kva.example.com",
            "aDA@XN--BCHER-KVA.EXAMPLE.COM",
            "ada@bu\u0308cher.example.com",
        )
        for before, after in (
            ("", ""),
            (" ", ""),
            ("", " "),
            ("\u00a0", ""),
            ("", "\u200b"),
            ("\ufeff", ""),
            ("Ada <", ">"),
            ("  ", "  "),
        )
    ]
    assert len(spellings) == 40
    found = fates("Email\n" + "\n".join(spellings) + "\n")
    assert found == [Fate.GOOD] + [Fate.REPEATED] * 39


def test_each_row_that_becomes_no_invitation_says_why() -> None:
    """What is wrong with its cells, and the line in which its address stood first."""
    content = b"Email,Name\n,Nobody\nByron, Ada,ada@x.org\nb@x.org\nb@x.org\nb@x.org\n"
    rows = read_list(content, max_rows=10).rows
    judged = judge_list([(row, NO_OPTIONS) for row in rows], lambda _: {})
    assert [(row.line, row.fate, row.reason) for row in judged] == [
        (2, Fate.BAD, "This row has no address."),
        (3, Fate.BAD, rows[1].problem),
        (4, Fate.GOOD, ""),
        (5, Fate.REPEATED, "The same address stands in line 4."),
        (6, Fate.REPEATED, "The same address stands in line 4."),
    ]


def test_a_row_with_a_mistake_keeps_what_is_right_of_it() -> None:
    """Its address can be mended, and the note is still there then."""
    rows = read_list(b"Email\nada@example.com\nnobody\n", max_rows=10).rows
    options = Options(note="Welcome.", language="de")
    wrong = replace(rows[0], problem="The tenant has no role Editor.")
    judged = judge_list([(wrong, options), (rows[1], options)], lambda _: {})
    assert [row.fate for row in judged] == [Fate.BAD, Fate.BAD]
    assert judged[0].reason == "The tenant has no role Editor."
    assert {(row.note, row.locale) for row in judged} == {("Welcome.", "de")}


def test_names_are_held_to_the_rules_of_the_form() -> None:
    """A link, letters that turn the text around, and one that is too long."""
    content = (
        "Email;Name\na@x.org;http://evil.test/\nb@x.org;Ada\u202eByron\nc@x.org;"
        + "x" * 90
        + "\nd@x.org;=1+1\n"
    )
    assert fates(content.encode()) == [Fate.BAD, Fate.BAD, Fate.BAD, Fate.GOOD]
