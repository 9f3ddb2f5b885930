"""The library's own lists: stable codes, each with its label in the three languages.

What people already name everywhere, countries and languages, comes from Babel. An unknown code is
shown as it is: a label may be missing, a resource must not be.
"""

from collections.abc import Mapping
from typing import NamedTuple

from babel import Locale

from app.i18n import language_name


class Labels(NamedTuple):
    """One label a language of the interface."""

    en: str
    fr: str
    es: str


Scheme = Mapping[str, Labels]

TYPES: Scheme = {
    "guide": Labels("Guide", "Guide", "Guía"),
    "toolkit": Labels("Toolkit", "Boîte à outils", "Caja de herramientas"),
    "report": Labels("Report", "Rapport", "Informe"),
    "training-module": Labels("Training module", "Module de formation", "Módulo de formación"),
    "good-practice": Labels("Good practice", "Bonne pratique", "Buena práctica"),
    "case-study": Labels("Case study", "Étude de cas", "Estudio de caso"),
    "statistics": Labels("Statistics", "Statistiques", "Estadísticas"),
    "legal-text": Labels("Legal text", "Texte juridique", "Texto jurídico"),
    "decision": Labels("Decision", "Décision", "Decisión"),
    "article": Labels("Article", "Article", "Artículo"),
    "audiovisual": Labels("Audiovisual", "Audiovisuel", "Audiovisual"),
    "online-tool": Labels("Online tool", "Outil en ligne", "Herramienta en línea"),
}

# The six domains of assistance (CE/13/7.IGC/INF.4, §18), in the order of the document.
DOMAINS: Scheme = {
    "convention": Labels(
        "Understanding the Convention",
        "Compréhension de la Convention",
        "Comprensión de la Convención",
    ),
    "policies": Labels(
        "Policy design and implementation",
        "Élaboration et mise en œuvre des politiques",
        "Elaboración y aplicación de políticas",
    ),
    "periodic-reports": Labels(
        "Preparing quadrennial periodic reports",
        "Élaboration des rapports périodiques quadriennaux",
        "Elaboración de los informes periódicos cuatrienales",
    ),
    "ifcd-projects": Labels(
        "Designing IFCD projects",
        "Conception de projets dans le cadre du FIDC",
        "Diseño de proyectos en el marco del FIDC",
    ),
    "statistics": Labels(
        "Cultural statistics and indicators",
        "Statistiques et indicateurs culturels",
        "Estadísticas e indicadores culturales",
    ),
    "enterprises": Labels(
        "Developing medium, small and micro-enterprises",
        "Développement des moyennes, petites et microentreprises",
        "Desarrollo de las medianas, pequeñas y microempresas",
    ),
}

DOMAIN_SUMMARIES: Scheme = {
    "convention": Labels(
        "What the 2005 Convention says, and what it asks of those who apply it",
        "Ce que dit la Convention de 2005, et ce qu’elle demande à qui l’applique",
        "Lo que dice la Convención de 2005 y lo que pide a quienes la aplican",
    ),
    "policies": Labels(
        "From the first consultation to a measure that is carried out",
        "De la première consultation à la mesure appliquée",
        "De la primera consulta a la medida aplicada",
    ),
    "periodic-reports": Labels(
        "Gathering, writing and sharing what a country has done",
        "Réunir, rédiger et partager ce qu’un pays a fait",
        "Reunir, redactar y compartir lo que un país ha hecho",
    ),
    "ifcd-projects": Labels(
        "Turning an idea into a project that the Fund can support",
        "Faire d’une idée un projet que le Fonds peut soutenir",
        "Convertir una idea en un proyecto que el Fondo pueda apoyar",
    ),
    "statistics": Labels(
        "Counting what culture contributes, with figures that compare",
        "Compter ce que la culture apporte, avec des chiffres comparables",
        "Contar lo que aporta la cultura, con cifras comparables",
    ),
    "enterprises": Labels(
        "Starting, financing and selling, for those who live from what they create",
        "Créer, financer et vendre, pour qui vit de ses créations",
        "Crear, financiar y vender, para quienes viven de lo que crean",
    ),
}

AUDIENCES: Scheme = {
    "public-authorities": Labels("Public authorities", "Pouvoirs publics", "Poderes públicos"),
    "civil-society": Labels("Civil society", "Société civile", "Sociedad civil"),
    "professionals": Labels(
        "Culture professionals and enterprises",
        "Professionnels et entreprises de la culture",
        "Profesionales y empresas de la cultura",
    ),
    "statistics-offices": Labels(
        "Statistics offices", "Instituts de statistique", "Oficinas de estadística"
    ),
    "trainers": Labels("Trainers", "Formateurs", "Formadores"),
    "field-offices": Labels("Field offices", "Bureaux hors Siège", "Oficinas sobre el terreno"),
    "secretariat": Labels("Secretariat", "Secrétariat", "Secretaría"),
    "experts": Labels("Experts", "Experts", "Expertos"),
}

REGIONS: Scheme = {
    "africa": Labels("Africa", "Afrique", "África"),
    "arab-states": Labels("Arab States", "États arabes", "Estados Árabes"),
    "asia-pacific": Labels("Asia and the Pacific", "Asie et Pacifique", "Asia y el Pacífico"),
    "latin-america-caribbean": Labels(
        "Latin America and the Caribbean",
        "Amérique latine et Caraïbes",
        "América Latina y el Caribe",
    ),
    "europe-north-america": Labels(
        "Europe and North America", "Europe et Amérique du Nord", "Europa y América del Norte"
    ),
}

ACTION_AREAS: Scheme = {
    "expert-bank": Labels("Expert bank", "Banque d’experts", "Banco de expertos"),
    "content": Labels("Content and materials", "Contenus et matériels", "Contenidos y materiales"),
    "training": Labels(
        "Training and technical assistance",
        "Formation et assistance technique",
        "Formación y asistencia técnica",
    ),
    "knowledge": Labels(
        "Knowledge sharing", "Partage des connaissances", "Intercambio de conocimientos"
    ),
}

OBJECTIVES: Scheme = {
    "awareness": Labels(
        "Awareness and ownership",
        "Sensibilisation et appropriation",
        "Sensibilización y apropiación",
    ),
    "measures": Labels("Policies and measures", "Politiques et mesures", "Políticas y medidas"),
    "skills": Labels(
        "Entrepreneurial and business skills",
        "Compétences entrepreneuriales et commerciales",
        "Competencias empresariales y comerciales",
    ),
    "mechanisms": Labels(
        "Use of the Convention’s mechanisms",
        "Utilisation des mécanismes de la Convention",
        "Uso de los mecanismos de la Convención",
    ),
    "governance": Labels(
        "Transforming governance",
        "Transformation de la gouvernance",
        "Transformación de la gobernanza",
    ),
}

CHALLENGES: Scheme = {
    "expertise": Labels("Expertise", "Expertise", "Conocimientos especializados"),
    "institutions": Labels(
        "Fragile institutions", "Institutions fragiles", "Instituciones frágiles"
    ),
    "data": Labels("Lack of data", "Manque de données", "Falta de datos"),
    "evaluation": Labels(
        "Evaluation and monitoring", "Évaluation et suivi", "Evaluación y seguimiento"
    ),
    "laws": Labels(
        "Laws, regulations, policies", "Lois, règlements, politiques", "Leyes, normas, políticas"
    ),
}

COMPONENTS: Scheme = {
    "slides": Labels("Slides", "Diapositives", "Diapositivas"),
    "notes": Labels("Notes", "Notes", "Notas"),
    "lesson-plan": Labels("Lesson plan", "Plan de séance", "Plan de clase"),
    "exercise": Labels("Exercise", "Exercice", "Ejercicio"),
    "film": Labels("Film", "Film", "Película"),
    "game": Labels("Game", "Jeu", "Juego"),
    "guide": Labels("Guide", "Guide", "Guía"),
    "hand-out": Labels("Hand-out", "Document à distribuer", "Material para repartir"),
}

MODALITIES: Scheme = {
    "workshop": Labels("Workshop", "Atelier", "Taller"),
    "technical-assistance": Labels(
        "Technical assistance", "Assistance technique", "Asistencia técnica"
    ),
    "tutoring": Labels("Tutoring", "Tutorat", "Tutoría"),
    "coaching": Labels("Coaching", "Accompagnement", "Acompañamiento"),
    "online": Labels("Online", "En ligne", "En línea"),
}

FORMATS: Scheme = {
    "pdf": Labels("PDF", "PDF", "PDF"),
    "docx": Labels("Word", "Word", "Word"),
    "pptx": Labels("PowerPoint", "PowerPoint", "PowerPoint"),
    "xlsx": Labels("Excel", "Excel", "Excel"),
    "epub": Labels("EPUB", "EPUB", "EPUB"),
    "html": Labels("Web page", "Page web", "Página web"),
    "md": Labels("Markdown", "Markdown", "Markdown"),
    "csv": Labels("CSV table", "Tableau CSV", "Tabla CSV"),
    "txt": Labels("Plain text", "Texte brut", "Texto sin formato"),
    "other": Labels("Other format", "Autre format", "Otro formato"),
}

SCHEMES: Mapping[str, Scheme] = {
    "type": TYPES,
    "domain": DOMAINS,
    "domain-summary": DOMAIN_SUMMARIES,
    "audience": AUDIENCES,
    "region": REGIONS,
    "action-area": ACTION_AREAS,
    "objective": OBJECTIVES,
    "challenge": CHALLENGES,
    "component": COMPONENTS,
    "modality": MODALITIES,
    "format": FORMATS,
}


def label(scheme: str, code: str, ui: str) -> str:
    """What people call `code`; the code itself if nobody named it."""
    if scheme == "language":
        return language_name(code, ui)
    if scheme == "country":
        return str(Locale.parse(ui).territories.get(code.upper(), code))
    labels = SCHEMES.get(scheme, {}).get(code)
    return str(getattr(labels, ui)) if labels else code


def codes(scheme: str) -> tuple[str, ...]:
    """The codes of a list, in its order; none of an unknown list."""
    return tuple(SCHEMES.get(scheme, {}))
