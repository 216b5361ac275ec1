"""The words that streets, boxes and flats are told by, in the languages of the addresses that English notes hold."""

from __future__ import annotations

from tasks.data.phi.shared.word_lists import longest_first, word_set

# The end of a street's name in German, Dutch, Swedish, Norwegian, Danish, Finnish, Icelandic, Hungarian, Estonian,
# Czech, Slovenian, Polish, Turkish.
ENDS = longest_first(
    """
    straße strasse gasse platz allee damm ring graben straat laan plein gracht kade dreef steeg gatan vägen gränd
    gata veien vegen gate vej gade stræde allé katu tie kuja polku kaari ranta vegur vegi götu braut stígur stræti
    straeti utca tänav puiestee maantee ulice třída náměstí cesta ulica prospekt bulvar caddesi sokak sokağı weg
    vænget parken
    """
)
# The same as a word of its own.
END_WORDS = longest_first("utca u. tér út tee tänav ulice ulica cesta gate gata vei weg platz allee caddesi sokak")
# The beginning, in French, Spanish, Portuguese, Italian, Polish, Indonesian, Catalan; via is told by what follows.
BEGINNINGS = longest_first(
    """
    ul. al. os. pl. Rue rue Avenue avenue Boulevard boulevard Blvd blvd Allée allée Quai quai Chemin chemin Calle
    calle C/ Avenida avenida Av. av. Paseo paseo Rua rua Travessa travessa Viale viale Corso corso Piazza piazza
    Strada strada Str. str. Jalan jalan Ulica ulica Carrer carrer R. r. Plaza plaza Largo largo Praça praça
    """
)
JOINS = longest_first("de du des da do das dos del della delle dei la le les los las di al el y e")
# What the United States Postal Service lists as the last word of a street's name, and what is no word of notes alone.
SUFFIXES = longest_first(
    """
    Alley Avenue Boulevard Branch Bridge Brook Bypass Causeway Cliff Cliffs Common Corner Corners Court Courts Cove
    Coves Creek Crescent Crest Crossing Crossroad Crossroads Curve Dale Drive Drives Estate Estates Expressway Falls
    Ferry Field Fields Ford Fords Forge Forges Fork Forks Freeway Garden Gardens Gateway Glen Glens Green Greens
    Grove Groves Harbor Harbors Haven Heights Highway Hill Hills Hollow Inlet Junction Junctions Knoll Knolls
    Landing Lane Lodge Loop Manor Manors Meadow Meadows Mews Mill Mills Motorway Mountain Mountains Orchard Overpass
    Park Parks Parkway Parkways Pike Pine Pines Plain Plains Plaza Port Ports Prairie Ramp Ranch Rapids Ridge Ridges
    Road Roads Route Shoal Shoals Shore Shores Skyway Spring Springs Spur Spurs Square Squares Station Stravenue
    Stream Street Streets Summit Terrace Throughway Trace Track Trafficway Trail Tunnel Turnpike Underpass Union
    Unions Valley Valleys Viaduct View Views Village Villages Ville Vista Walk Walks Way Wells Mall Island Islands
    Isle Lake Lakes Rd St Ave Dr Ln Ct
    """
)
UNITS = word_set("apt apartment suite ste flat unit")
BOXES = word_set("box postbox postfach postbus postboks postilokero")
# Between the words of a town's name: "Mora de Rubielos", "Chomutice u Horic".
BETWEEN = word_set("of the du de la les le el los u upon am an der den en sur sous by and v nad pod i")
# A line that begins with one of them is no town.
LABELS = word_set("phone mobile fax tel email e-mail office desk website name mrn dob patient date")
