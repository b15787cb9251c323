"""The projections that exist, each a module and its DDL beside it. It must not know how they are run."""

from projectors.projection import Projection
from projectors.views.courses import Courses
from projectors.views.enrollments import Enrollments
from projectors.views.messages import Messages
from projectors.views.moderation import Moderation
from projectors.views.reading import Reading
from projectors.views.search import Search
from projectors.views.users import Users

PROJECTIONS: tuple[Projection, ...] = (Users(), Courses(), Enrollments(), Messages(), Reading(), Search(), Moderation())
